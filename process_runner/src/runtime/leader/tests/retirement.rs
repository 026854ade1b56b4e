//! Interleaving 11, the case of the shrink: what a dead worker had locked is unlocked although its
//! index is gone.

use std::time::Duration;

use super::cluster::{Cluster, State};
use super::nodes::{Node, Spec};
use crate::model::Slot;

const JOBS: &[(&str, u32)] = &[("j", 4)];

fn retiring(state: &State) -> Vec<u32> {
    let slots = state.cluster.slots.iter();
    let retiring = slots.filter(|(_, owned)| owned.record.retiring);
    retiring.map(|(slot, _)| slot.index).collect()
}

async fn shrink(cluster: &Cluster, workers: u32) {
    let set = serde_json::json!({"workers": workers});
    cluster.etcd.put(cluster.keys.job("j"), &set, 0).await;
}

/// A node that held all four crashes, and the job shrinks before anything is granted again.
async fn crashed_and_shrunk(cluster: &Cluster, leader: &Node, node: Node) {
    leader.link().freeze();
    node.crash().await;
    // Index 2 was unlocked before.
    cluster
        .etcd
        .give_back(&cluster.keys, &Slot::new("j", 2))
        .await;
    shrink(cluster, 2).await;
    leader.link().thaw();
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_and_a_shrink_the_lost_index_is_granted_once_more_to_be_unlocked() {
    let cluster = Cluster::new().await;
    let leader = Node::start(&cluster, Spec::new("l", JOBS).quiet()).await;
    let a = Node::start(&cluster, Spec::new("a", JOBS).follows().idle()).await;
    cluster.until("a holds all", |s| s.holds("a") == 4).await;
    let b = Node::start(&cluster, Spec::new("b", JOBS).follows().idle()).await;
    crashed_and_shrunk(&cluster, &leader, a).await;
    let state = cluster
        .until("index 3 is to be unlocked", |s| !retiring(s).is_empty())
        .await;
    assert_eq!(retiring(&state), [3], "{state}");
    assert_eq!(state.holds("b"), 3);
    cluster
        .etcd
        .give_back(&cluster.keys, &Slot::new("j", 3))
        .await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(cluster.state().await.holds("b"), 2, "once, and never again");
    drop(b);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_dies_while_it_unlocks_is_followed_by_another_and_one_that_cannot_is_not_asked_again()
 {
    let cluster = Cluster::new().await;
    let leader = Node::start(&cluster, Spec::new("l", JOBS).quiet()).await;
    let a = Node::start(&cluster, Spec::new("a", JOBS).follows().idle()).await;
    cluster.until("a holds all", |s| s.holds("a") == 4).await;
    let b = Node::start(&cluster, Spec::new("b", JOBS).follows().idle()).await;
    crashed_and_shrunk(&cluster, &leader, a).await;
    cluster
        .until("b is to unlock", |s| retiring(s) == [3])
        .await;
    let _c = Node::start(&cluster, Spec::new("c", JOBS).follows().idle()).await;
    b.crash().await;
    let state = cluster
        .until("c is to unlock", |s| retiring(s) == [3])
        .await;
    assert_eq!(state.owners()[&Slot::new("j", 3)], "c");
    // It gives up: the ledger still says `held`.
    cluster
        .etcd
        .delete(cluster.keys.slot(&Slot::new("j", 3)))
        .await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(retiring(&cluster.state().await), [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_finds_what_its_predecessor_had_no_time_for() {
    let cluster = Cluster::new().await;
    let leader = Node::start(&cluster, Spec::new("l", JOBS).quiet()).await;
    let a = Node::start(&cluster, Spec::new("a", JOBS).follows().idle()).await;
    cluster.until("a holds all", |s| s.holds("a") == 4).await;
    crashed_and_shrunk(&cluster, &leader, a).await;
    leader.crash().await;
    let _b = Node::start(&cluster, Spec::new("b", JOBS).idle()).await;
    cluster
        .until("b is to unlock", |s| retiring(s) == [3])
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_orderly_shrink_retires_nothing() {
    let cluster = Cluster::new().await;
    let _nodes = cluster.nodes(2, JOBS).await;
    cluster.until("all are held", |s| s.is_even(4)).await;
    // A new leader reads the whole ledger.
    tokio::time::sleep(Duration::from_secs(5)).await;
    shrink(&cluster, 1).await;
    cluster
        .until("one is left", |s| s.is_even(1) && s.standby.is_some())
        .await;
    let grants = cluster.revision().await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(cluster.revision().await, grants);
}

/// An index of a paused job is needed again when it resumes; its next worker unlocks it.
#[tokio::test(start_paused = true)]
async fn a_pause_retires_nothing() {
    let cluster = Cluster::new().await;
    let _leader = Node::start(&cluster, Spec::new("l", JOBS).quiet()).await;
    let _a = Node::start(&cluster, Spec::new("a", JOBS).follows().idle()).await;
    cluster.until("all are held", |s| s.holds("a") == 4).await;
    let set = serde_json::json!({"paused": {}});
    cluster.etcd.put(cluster.keys.job("j"), &set, 0).await;
    // It gives one back, and could not unlock it.
    let slot = Slot::new("j", 0);
    cluster.etcd.delete(cluster.keys.slot(&slot)).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(cluster.state().await.holds("a"), 3);
}

/// Grants leave entries in the ledger that later ones supersede.
#[tokio::test(start_paused = true)]
async fn a_new_leader_deletes_what_the_ledger_says_twice() {
    let cluster = Cluster::new().await;
    let leader = Node::start(&cluster, Spec::new("l", JOBS).quiet()).await;
    let _a = Node::start(&cluster, Spec::new("a", JOBS).follows().idle()).await;
    cluster.until("a holds all", |s| s.holds("a") == 4).await;
    let before = cluster.revision().await;
    for index in 0..4 {
        let slot = Slot::new("j", index);
        cluster.etcd.give_back(&cluster.keys, &slot).await;
    }
    let granted_anew = |s: &State| {
        let mut slots = s.cluster.slots.values();
        s.holds("a") == 4 && slots.all(|owned| owned.mod_revision > before)
    };
    cluster.until("a holds all again", granted_anew).await;
    let batches = async || {
        let range = cluster.keys.batches_of("j");
        cluster.etcd.range(&range).await.unwrap().kvs().len()
    };
    let grants = batches().await;
    assert!(grants > 1);
    leader.crash().await;
    let _b = Node::start(&cluster, Spec::new("b", JOBS).quiet()).await;
    cluster
        .until("b leads", |s| s.leader.as_deref() == Some("b"))
        .await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(batches().await < grants);
}
