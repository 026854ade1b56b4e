//! What the leader writes when things go wrong between it and the store.

use std::time::Duration;

use super::cluster::Cluster;
use super::nodes::{Node, Spec};
use crate::coordination::{Follower, SlotRecord};
use crate::embedded::LostReply;
use crate::model::Slot;

#[tokio::test(start_paused = true)]
async fn lost_answers_are_settled_and_nothing_is_written_twice() {
    let cluster = Cluster::new().await;
    let leader = Node::start(&cluster, Spec::new("l", &[("j", 4)]).quiet()).await;
    let _b = Node::start(&cluster, Spec::new("b", &[("j", 4)]).follows().idle()).await;
    let state = cluster.until("b holds all", |s| s.holds("b") == 4).await;
    let plan = state.plans["b"].revision;
    for _ in 0..3 {
        let slot = Slot::new("j", 2);
        leader.link().lose_next_reply(LostReply::Error);
        cluster.etcd.delete(cluster.keys.slot(&slot)).await;
        cluster.until("granted again", |s| s.holds("b") == 4).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        let state = cluster.state().await;
        assert_eq!(state.holds("b"), 4);
        assert_eq!(state.plans["b"].revision, plan, "the plan says it already");
    }
    let inbox = cluster.etcd.range(&cluster.keys.inbox("b")).await.unwrap();
    assert_eq!(
        inbox.kvs().len(),
        1 + 1 + 3,
        "a plan, and a note for each grant"
    );
}

/// A slot that stands under a node that vanished is planned, and granted when its key is gone.
#[tokio::test(start_paused = true)]
async fn a_slot_under_a_dead_lease_waits_until_its_key_is_gone() {
    let cluster = Cluster::new().await;
    let slot = Slot::new("j", 1);
    let ghost = SlotRecord {
        owner: "ghost".to_owned(),
        incarnation: "ghost".to_owned(),
        nonce: String::new(),
        ordered: Default::default(),
        retiring: false,
    };
    cluster.etcd.put(cluster.keys.slot(&slot), &ghost, 0).await;
    let _a = cluster.node("a", &[("j", 3)]).await;
    let state = cluster
        .until("the others are held", |s| s.holds("a") == 2)
        .await;
    assert!(
        state.plans["a"].record.slots["j"].contains(1),
        "it is planned"
    );
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(cluster.state().await.owners()[&slot], "ghost");
    cluster.etcd.delete(cluster.keys.slot(&slot)).await;
    cluster.until("all are held", |s| s.holds("a") == 3).await;
}

#[tokio::test(start_paused = true)]
async fn an_audit_finds_a_plan_that_was_deleted_by_hand() {
    let cluster = Cluster::new().await;
    let _a = cluster.node("a", &[("j", 3)]).await;
    cluster.until("all are held", |s| s.is_even(3)).await;
    cluster.etcd.delete(cluster.keys.plan("a")).await;
    let state = cluster
        .until("the plan is back", |s| s.plans.contains_key("a"))
        .await;
    assert!(state.plans["a"].record.slots["j"].contains(2));
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_the_leaders_link_ends_and_what_happened_meanwhile_is_planned() {
    let cluster = Cluster::new().await;
    let leader = Node::start(&cluster, Spec::new("l", &[("j", 4)]).quiet()).await;
    let _b = Node::start(&cluster, Spec::new("b", &[("j", 4)]).follows().idle()).await;
    cluster.until("b holds all", |s| s.holds("b") == 4).await;
    leader.link().refuse(true);
    cluster
        .etcd
        .delete(cluster.keys.slot(&Slot::new("j", 0)))
        .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(cluster.state().await.holds("b"), 3);
    leader.link().refuse(false);
    let state = cluster.until("granted again", |s| s.holds("b") == 4).await;
    assert_eq!(state.leader.as_deref(), Some("l"));
}

/// Values that something else wrote under the prefix stop nothing.
#[tokio::test(start_paused = true)]
async fn malformed_values_are_left_out_and_the_rest_is_planned() {
    let cluster = Cluster::new().await;
    let keys = &cluster.keys;
    for key in [
        keys.member("x"),
        keys.job("j"),
        keys.slot(&Slot::new("j", 0)),
    ] {
        cluster.etcd.put(key, &"?", 0).await;
    }
    cluster.etcd.put(keys.plan("a"), &"?", 0).await;
    let etcd = &cluster.etcd;
    let _a = cluster.node("a", &[("j", 3)]).await;
    let mut changes = Follower::start(etcd.clone(), keys.everything());
    let mut held = 0;
    while held < 2 {
        changes.next().await.unwrap();
        let slots = etcd.range(&keys.planner_range()).await.unwrap();
        let of_a = slots.kvs().iter().filter(|kv| {
            let record = serde_json::from_slice::<SlotRecord>(kv.value());
            record.is_ok_and(|record| record.owner == "a")
        });
        held = of_a.count();
    }
}

/// At the start of a large cluster nodes join while grants are under way: who comes first must not be
/// given everything.
#[tokio::test(start_paused = true)]
async fn grants_not_sent_yet_are_planned_anew_when_a_node_joins() {
    let jobs: &[(&str, u32)] = &[("j", 6_000)];
    let cluster = Cluster::new().await;
    let leader = Node::start(&cluster, Spec::new("l", jobs).quiet()).await;
    leader.link().delay(Duration::from_millis(5));
    let mut nodes = vec![Node::start(&cluster, Spec::new("n0", jobs).follows().idle()).await];
    cluster
        .until("grants have begun", |s| s.holds("n0") > 0)
        .await;
    for node in 1..10 {
        let spec = Spec::new(&format!("n{node}"), jobs).follows().idle();
        nodes.push(Node::start(&cluster, spec).await);
    }
    let state = cluster
        .until("all are held", |s| s.cluster.slots.len() == 6_000)
        .await;
    assert!(state.holds("n0") < 1_500, "{:?}", state.counts());
}
