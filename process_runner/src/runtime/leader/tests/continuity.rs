//! A new leader continues what the one before began, wherever it was killed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::cluster::{Cluster, State};
use super::nodes::{Node, Spec};
use crate::coordination::{
    Grant, Guarded, Indexes, Order, PlanAnswer, PlanRecord, PlanWrite, SlotRecord,
};
use crate::model::Slot;
use crate::model::leading::{Post, Step};

const JOBS: &[(&str, u32)] = &[("j", 8)];

/// A node that leads no more than a test lets it, by its session alone.
pub(super) async fn by_session(cluster: &Cluster, name: &str) -> Node {
    Node::start(cluster, Spec::new(name, JOBS).quiet().follows().idle()).await
}

/// The first order of a leader.
fn first_of(term: i64) -> Order {
    Order {
        term,
        generation: 1,
    }
}

/// Makes it the leader; its term.
pub(super) async fn lead(node: &Node) -> i64 {
    let posts = node.session.take_step(Step::Campaign(Post::Leader)).await;
    let leader = posts.unwrap()[0].holder.clone().unwrap();
    assert_eq!(leader.incarnation, node.session.incarnation);
    leader.created
}

fn plan_of(node: &Node, created: i64, slots: &[u32], ordered: Order) -> PlanWrite {
    let indexes: Indexes = slots.iter().copied().collect();
    PlanWrite {
        node: Arc::clone(&node.session.node),
        lease: node.session.lease,
        member_created: created,
        replaces: 0,
        record: PlanRecord {
            incarnation: node.session.incarnation.to_string(),
            ordered,
            slots: BTreeMap::from([("j".to_owned(), indexes)]),
            leaving: BTreeMap::new(),
            workers: BTreeMap::from([("j".to_owned(), 8)]),
        },
    }
}

pub(super) fn grant_of(node: &Node, member: i64, ordered: Order) -> Grant {
    let mut grant = Grant::new(
        Arc::clone(&node.session.node),
        Arc::clone(&node.session.incarnation),
        (node.session.lease, member),
        ordered,
        false,
    );
    grant.slots = vec![Slot::new("j", 0)];
    grant
}

pub(super) async fn created(cluster: &Cluster, node: &Node) -> i64 {
    let key = cluster.keys.only(cluster.keys.member(node.name()));
    let read = cluster.etcd.range(&key).await.unwrap();
    read.kvs()[0].create_revision()
}

fn planned(state: &State, node: &str) -> Vec<u32> {
    let slots = &state.plans[node].record.slots;
    slots
        .get("j")
        .map(|indexes| indexes.iter().collect())
        .unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn killed_between_plan_writes_and_grants_the_next_leader_grants_that_plan() {
    let cluster = Cluster::new().await;
    let leader = by_session(&cluster, "leader").await;
    let a = Node::start(&cluster, Spec::new("a", JOBS).follows()).await;
    let b = Node::start(&cluster, Spec::new("b", JOBS).follows()).await;
    let term = lead(&leader).await;
    let ordered = first_of(term);
    // As no planner would have it, to be told from what a new plan would be: even and odd.
    let plans = [
        plan_of(&a, created(&cluster, &a).await, &[0, 2, 4, 6], ordered),
        plan_of(&b, created(&cluster, &b).await, &[1, 3, 5, 7], ordered),
    ];
    leader.session.write_plans(term, &plans).await.unwrap();
    let revisions = |state: &State| ["a", "b"].map(|node| state.plans[node].revision);
    let before = revisions(&cluster.state().await);
    leader.crash().await;

    let _next = Node::start(&cluster, Spec::new("next", JOBS).quiet()).await;
    let state = cluster
        .until("all is granted", |s| s.cluster.slots.len() == 8)
        .await;
    for (slot, owner) in state.owners() {
        assert_eq!(owner, ["a", "b"][slot.index as usize % 2], "{state}");
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let state = cluster.state().await;
    assert_eq!(
        revisions(&state),
        before,
        "the plans that stood are not written again"
    );
}

/// Interleaving 7: half a move is done, and the new leader does the other half instead of turning back.
#[tokio::test(start_paused = true)]
async fn plan_against_reality_a_new_leader_continues_the_old_plan() {
    let cluster = Cluster::new().await;
    let first = Node::start(&cluster, Spec::new("first", JOBS).quiet()).await;
    let a = Node::start(&cluster, Spec::new("a", JOBS).follows().idle()).await;
    cluster.until("a holds all", |s| s.holds("a") == 8).await;
    let b = Node::start(&cluster, Spec::new("b", JOBS).follows().idle()).await;
    let state = cluster
        .until("four are to move", |s| {
            s.plans.contains_key("b") && planned(s, "b").len() == 4
        })
        .await;
    let (stay, go) = (planned(&state, "a"), planned(&state, "b"));
    let before = ["a", "b"].map(|node| state.plans[node].revision);
    // One of the four moves; the others have not begun when the leader dies.
    let slot = Slot::new("j", go[0]);
    let to = state.plans["a"].record.leaving["b"].clone();
    let revision = state.cluster.slots[&slot].mod_revision;
    let target = (&Arc::clone(&b.session.node), &to);
    let ordered = state.plans["a"].record.ordered;
    assert!(
        a.session
            .hand_over((&slot, revision), target, ordered)
            .await
    );
    first.crash().await;

    let next = Node::start(&cluster, Spec::new("next", JOBS).quiet()).await;
    cluster
        .until("the next one leads", |s| {
            s.leader.as_deref() == Some("next")
        })
        .await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let state = cluster.state().await;
    assert_eq!(
        (planned(&state, "a"), planned(&state, "b")),
        (stay, go),
        "{state}"
    );
    assert_eq!(
        ["a", "b"].map(|node| state.plans[node].revision),
        before,
        "{state}"
    );
    drop((a, b, next));
}

/// A leader that was killed after the gainer's plan and before the loser's: both name the slot.
#[tokio::test(start_paused = true)]
async fn of_two_plans_that_name_a_slot_the_later_order_holds() {
    let cluster = Cluster::new().await;
    let leader = by_session(&cluster, "leader").await;
    let a = Node::start(&cluster, Spec::new("a", JOBS).follows().idle()).await;
    let b = Node::start(&cluster, Spec::new("b", JOBS).follows().idle()).await;
    let term = lead(&leader).await;
    let order = |generation| Order { term, generation };
    let old = plan_of(
        &a,
        created(&cluster, &a).await,
        &[0, 1, 2, 3, 4, 5, 6, 7],
        order(1),
    );
    // As no planner would choose them.
    let new = plan_of(&b, created(&cluster, &b).await, &[0, 2, 5, 7], order(2));
    leader.session.write_plans(term, &[old]).await.unwrap();
    leader.session.write_plans(term, &[new]).await.unwrap();
    for index in 0..8 {
        let slot = Slot::new("j", index);
        let record = SlotRecord {
            owner: "a".to_owned(),
            incarnation: a.session.incarnation.to_string(),
            nonce: String::new(),
            ordered: order(1),
            retiring: false,
        };
        cluster
            .etcd
            .put(cluster.keys.slot(&slot), &record, a.session.lease)
            .await;
    }
    leader.crash().await;
    let _next = Node::start(&cluster, Spec::new("next", JOBS).quiet()).await;
    let state = cluster
        .until("a is told", |s| !s.plans["a"].record.leaving.is_empty())
        .await;
    assert_eq!(planned(&state, "a"), [1, 3, 4, 6]);
    assert_eq!(planned(&state, "b"), [0, 2, 5, 7]);
    let to_b = &state.plans["a"].record.leaving["b"].slots["j"];
    assert_eq!(to_b.iter().collect::<Vec<_>>(), [0, 2, 5, 7]);
}

#[tokio::test(start_paused = true)]
async fn two_leaders_the_deposed_one_writes_nothing() {
    let cluster = Cluster::new().await;
    let (old, new) = (
        by_session(&cluster, "old").await,
        by_session(&cluster, "new").await,
    );
    let a = Node::start(&cluster, Spec::new("a", JOBS).follows().idle()).await;
    let term = lead(&old).await;
    cluster.etcd.delete(cluster.keys.leader()).await;
    let newer = lead(&new).await;
    let before = cluster.revision().await;
    let ordered = first_of(term);
    let plan = plan_of(&a, created(&cluster, &a).await, &[0], ordered);
    let Guarded::Deposed(posts) = old.session.write_plans(term, &[plan]).await.unwrap() else {
        panic!("a deposed leader wrote a plan");
    };
    assert_eq!(posts[0].holder.as_ref().unwrap().created, newer);
    let member = created(&cluster, &a).await;
    let grant = grant_of(&a, member, ordered);
    let granted = old.session.grant(term, &[grant]).await.unwrap();
    assert!(matches!(granted, Guarded::Deposed(_)), "{granted:?}");
    assert_eq!(cluster.revision().await, before);
}

/// The plan of a node that died meanwhile is refused by itself, and holds up nobody else's.
#[tokio::test(start_paused = true)]
async fn a_plan_lands_on_no_other_incarnation_and_the_others_take_place() {
    let cluster = Cluster::new().await;
    let leader = by_session(&cluster, "leader").await;
    let a = Node::start(&cluster, Spec::new("a", JOBS).follows().idle()).await;
    let b = Node::start(&cluster, Spec::new("b", JOBS).follows().idle()).await;
    let term = lead(&leader).await;
    let ordered = first_of(term);
    let plans = [
        plan_of(&a, created(&cluster, &a).await, &[0], ordered),
        plan_of(&b, created(&cluster, &b).await, &[1], ordered),
    ];
    a.crash().await;
    let _a = Node::start(&cluster, Spec::new("a", JOBS).follows().idle()).await;
    let Guarded::Done(answers) = leader.session.write_plans(term, &plans).await.unwrap() else {
        panic!("deposed");
    };
    assert!(
        matches!(answers[0], PlanAnswer::Refused { stands: None }),
        "{answers:?}"
    );
    assert!(
        matches!(answers[1], PlanAnswer::Written { .. }),
        "{answers:?}"
    );
    let plans = cluster.state().await.plans;
    assert_eq!(plans.keys().map(|node| &**node).collect::<Vec<_>>(), ["b"]);
}

/// A node that turned quiet, or came back as another incarnation, must not be given what was meant for
/// what it was.
#[tokio::test(start_paused = true)]
async fn a_grant_to_a_node_that_changed_since_is_refused_and_the_others_take_place() {
    let cluster = Cluster::new().await;
    let leader = by_session(&cluster, "leader").await;
    let mut changed = Node::start(&cluster, Spec::new("a", JOBS).follows().idle()).await;
    let same = Node::start(&cluster, Spec::new("b", JOBS).follows().idle()).await;
    let term = lead(&leader).await;
    let ordered = first_of(term);
    let to_changed = grant_of(&changed, created(&cluster, &changed).await, ordered);
    let mut to_same = grant_of(&same, created(&cluster, &same).await, ordered);
    to_same.slots = vec![Slot::new("j", 1)];
    changed
        .change(|member| member.state = "quiet".to_owned())
        .await;
    let granted = leader.session.grant(term, &[to_changed, to_same]).await;
    let Guarded::Done(granted) = granted.unwrap() else {
        panic!("deposed");
    };
    assert_eq!(granted, [false, true]);
    let state = cluster.state().await;
    assert_eq!((state.holds("a"), state.holds("b")), (0, 1));
}

/// A copy may commit when the slot was unlocked and given back already, so that its key is absent again,
/// as the grant wants it.
#[tokio::test(start_paused = true)]
async fn a_late_copy_of_a_grant_is_refused_although_its_slot_is_free_again() {
    let cluster = Cluster::new().await;
    let leader = by_session(&cluster, "leader").await;
    let b = Node::start(&cluster, Spec::new("b", JOBS).follows().idle()).await;
    let term = lead(&leader).await;
    let ordered = first_of(term);
    let grant = grant_of(&b, created(&cluster, &b).await, ordered);
    let send = async || match leader
        .session
        .grant(term, std::slice::from_ref(&grant))
        .await
    {
        Ok(Guarded::Done(took_place)) => took_place,
        other => panic!("{other:?}"),
    };
    assert_eq!(send().await, [true]);
    assert_eq!(send().await, [true], "a copy finds it done");
    cluster.etcd.give_back(&cluster.keys, &grant.slots[0]).await;
    let before = cluster.revision().await;
    assert_eq!(send().await, [false]);
    assert_eq!(cluster.revision().await, before);
}

/// A copy of a plan's write that commits late must not bring the old plan back.
#[tokio::test(start_paused = true)]
async fn a_late_copy_of_an_old_plan_is_refused_and_a_repeated_one_is_found_done() {
    let cluster = Cluster::new().await;
    let leader = by_session(&cluster, "leader").await;
    let a = Node::start(&cluster, Spec::new("a", JOBS).follows().idle()).await;
    let term = lead(&leader).await;
    let member = created(&cluster, &a).await;
    let old = plan_of(&a, member, &[0, 1], first_of(term));
    let write = async |plan: &PlanWrite| {
        let plans = std::slice::from_ref(plan);
        match leader.session.write_plans(term, plans).await.unwrap() {
            Guarded::Done(mut answers) => answers.remove(0),
            Guarded::Deposed(_) => panic!("deposed"),
        }
    };
    leader
        .link()
        .lose_next_reply(crate::embedded::LostReply::Error);
    let PlanAnswer::Written { revision } = write(&old).await else {
        panic!("the repetition did not find it done");
    };
    let mut new = plan_of(
        &a,
        member,
        &[7],
        Order {
            term,
            generation: 2,
        },
    );
    new.replaces = revision;
    assert!(matches!(write(&new).await, PlanAnswer::Written { .. }));
    let PlanAnswer::Refused { stands } = write(&old).await else {
        panic!("the old plan is back");
    };
    assert_eq!(stands.unwrap().record, new.record);
    assert_eq!(planned(&cluster.state().await, "a"), [7]);
}
