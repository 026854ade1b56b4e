//! Members that come and go: what moves, and what does not.

use std::time::Duration;

use tokio::time::Instant;

use super::cluster::Cluster;
use super::nodes::{Node, Spec};

const JOBS: &[(&str, u32)] = &[("j", 40)];

/// The leader holds no slots, so that losing any other node changes nothing about leading.
async fn led(jobs: &[(&str, u32)]) -> (Cluster, Node) {
    let cluster = Cluster::new().await;
    let leader = Node::start(&cluster, Spec::new("leader", jobs).quiet()).await;
    (cluster, leader)
}

/// Nodes that take no part in leading.
async fn followers(cluster: &Cluster, count: usize, jobs: &[(&str, u32)]) -> Vec<Node> {
    let mut nodes = Vec::new();
    for node in 0..count {
        let spec = Spec::new(&format!("n{node:03}"), jobs).follows();
        nodes.push(Node::start(cluster, spec).await);
    }
    nodes
}

fn even_without_leader(state: &super::cluster::State, slots: usize) -> bool {
    let mut counts = state.counts();
    counts.remove("leader");
    let (least, most) = (counts.values().min(), counts.values().max());
    state.cluster.slots.len() == slots && least.zip(most).is_some_and(|(l, m)| m - l <= 1)
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_gets_its_share_when_it_has_settled_and_nothing_else_moves() {
    let (cluster, _leader) = led(JOBS).await;
    let _nodes = followers(&cluster, 4, JOBS).await;
    let before = cluster
        .until("even", |s| even_without_leader(s, 40))
        .await
        .owners();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let began = Instant::now();
    let _new = Node::start(&cluster, Spec::new("new", JOBS).follows()).await;
    let state = cluster
        .until("the newcomer has its share", |s| s.holds("new") == 8)
        .await;
    let took = began.elapsed();
    assert!((1_000..1_100).contains(&took.as_millis()), "{took:?}");
    assert_eq!(state.moved_since(&before), 8);
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_inherits_from_a_leaver_while_it_settles_and_each_slot_moves_once() {
    let (cluster, _leader) = led(JOBS).await;
    let mut nodes = followers(&cluster, 4, JOBS).await;
    let before = cluster
        .until("even", |s| even_without_leader(s, 40))
        .await
        .owners();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let new = Node::start(&cluster, Spec::new("new", JOBS).follows()).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    nodes[0]
        .change(|member| member.state = "draining".to_owned())
        .await;
    let state = cluster
        .until("the newcomer has it all", |s| s.holds("new") == 10)
        .await;
    assert_eq!(state.holds("n000"), 0);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let state = cluster.state().await;
    assert_eq!(state.moved_since(&before), 10, "exactly S/N");
    drop(new);
}

#[tokio::test(start_paused = true)]
async fn mass_loss_orphans_are_granted_and_balance_is_frozen_for_a_ttl() {
    let (cluster, _leader) = led(JOBS).await;
    let mut nodes = followers(&cluster, 8, JOBS).await;
    cluster.until("even", |s| even_without_leader(s, 40)).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let began = Instant::now();
    for node in nodes.split_off(4) {
        node.crash().await;
    }
    let state = cluster
        .until("the orphans are held", |s| even_without_leader(s, 40))
        .await;
    assert!(
        began.elapsed() < Duration::from_millis(300),
        "{:?}",
        began.elapsed()
    );
    let before = state.owners();
    let _new = Node::start(&cluster, Spec::new("new", JOBS).follows()).await;
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(cluster.state().await.moved_since(&before), 0, "frozen");
    let state = cluster
        .until("balance goes on", |s| s.holds("new") == 8)
        .await;
    assert_eq!(state.moved_since(&before), 8);
    let took = began.elapsed();
    assert!((10_000..10_500).contains(&took.as_millis()), "{took:?}");
}

/// Interleaving 17.
#[tokio::test(start_paused = true)]
async fn a_crash_looping_node_drags_no_slots_from_healthy_ones() {
    let (cluster, _leader) = led(JOBS).await;
    let _nodes = followers(&cluster, 4, JOBS).await;
    let before = cluster
        .until("even", |s| even_without_leader(s, 40))
        .await
        .owners();
    for crashes in 1..4 {
        let mut spec = Spec::new("poor", JOBS).follows();
        spec.member.crashes = crashes;
        let poor = Node::start(&cluster, spec).await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_eq!(cluster.state().await.moved_since(&before), 0);
        poor.crash().await;
    }
    let mut spec = Spec::new("poor", JOBS).follows();
    spec.member.crashes = 4;
    let began = Instant::now();
    let _poor = Node::start(&cluster, spec).await;
    cluster
        .until("it has stayed up", |s| s.holds("poor") == 8)
        .await;
    assert!(
        (240..242).contains(&began.elapsed().as_secs()),
        "{:?}",
        began.elapsed()
    );
}

/// A new leader does not know how long a node has been up. One that holds slots has stayed up for long
/// enough to be given some.
#[tokio::test(start_paused = true)]
async fn a_change_of_leader_puts_nobody_on_probation_anew() {
    let (cluster, leader) = led(JOBS).await;
    let _nodes = followers(&cluster, 4, JOBS).await;
    let mut spec = Spec::new("poor", JOBS).follows();
    spec.member.crashes = 3;
    let _poor = Node::start(&cluster, spec).await;
    let state = cluster
        .until("it has stayed up", |s| s.holds("poor") == 8)
        .await;
    let before = state.owners();
    let _next = Node::start(&cluster, Spec::new("next", JOBS).quiet()).await;
    cluster.until("it stands by", |s| s.standby.is_some()).await;
    leader.crash().await;
    cluster
        .until("it leads", |s| s.leader.as_deref() == Some("next"))
        .await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(cluster.state().await.moved_since(&before), 0);
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(cluster.state().await.moved_since(&before), 0);
}

/// What fits nowhere else, it gets at once.
#[tokio::test(start_paused = true)]
async fn a_node_of_last_resort_takes_what_fits_nowhere_else() {
    let (cluster, _leader) = led(JOBS).await;
    let mut spec = Spec::new("full", JOBS).follows();
    spec.member.capacity = Some(30);
    let _full = Node::start(&cluster, spec).await;
    let mut spec = Spec::new("poor", JOBS).follows();
    spec.member.crashes = 2;
    let _poor = Node::start(&cluster, spec).await;
    let state = cluster
        .until("all is held", |s| s.cluster.slots.len() == 40)
        .await;
    assert_eq!((state.holds("full"), state.holds("poor")), (30, 10));
}

#[tokio::test(start_paused = true)]
async fn more_nodes_change_in_one_plan_than_fit_a_transaction() {
    let jobs: &[(&str, u32)] = &[("j", 300)];
    let (cluster, _leader) = led(jobs).await;
    let _nodes = followers(&cluster, 150, jobs).await;
    cluster.until("even", |s| even_without_leader(s, 300)).await;
    // Every node's plan changes at once.
    let set = serde_json::json!({"workers": 450});
    cluster.etcd.put(cluster.keys.job("j"), &set, 0).await;
    let state = cluster
        .until("even again", |s| even_without_leader(s, 450))
        .await;
    assert_eq!(state.plans.len(), 151);
    let of_one_pass = |node: &str| state.plans[node].record.ordered;
    let last = of_one_pass("n000");
    let changed = state
        .plans
        .values()
        .filter(|plan| plan.record.ordered == last);
    assert_eq!(changed.count(), 150, "one pass changed them all");
}

/// Interleaving 13.
#[tokio::test(start_paused = true)]
async fn impossible_balance_each_job_is_even_over_the_nodes_that_may_run_it() {
    let (cluster, _leader) = led(&[("x", 10), ("y", 10)]).await;
    let both: &[(&str, u32)] = &[("x", 10), ("y", 10)];
    let _a = Node::start(&cluster, Spec::new("a", both).follows()).await;
    let _b = Node::start(&cluster, Spec::new("b", both).follows()).await;
    let _c = Node::start(&cluster, Spec::new("c", &[("y", 10)]).follows()).await;
    cluster
        .until("all is held", |s| s.cluster.slots.len() == 20)
        .await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let state = cluster.state().await;
    let of = |node: &str, job: &str| {
        let owners = state.owners().into_iter();
        owners
            .filter(|(slot, owner)| *slot.job == *job && owner == node)
            .count()
    };
    assert_eq!([of("a", "x"), of("b", "x"), of("c", "x")], [5, 5, 0]);
    let mut y = [of("a", "y"), of("b", "y"), of("c", "y")];
    y.sort_unstable();
    assert_eq!(y, [3, 3, 4]);
    assert_eq!(of("c", "y"), 4, "the one that has nothing else");
}
