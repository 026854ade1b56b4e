//! What operators set and what configurations say: overrides, pauses, reloads, configurations that
//! nobody names any more.

use std::time::Duration;

use tokio::time::Instant;

use super::cluster::Cluster;
use super::nodes::{Node, Spec};
use crate::clock::Clock;

#[tokio::test(start_paused = true)]
async fn a_job_scales_up_and_down_and_what_is_too_much_is_given_back() {
    let cluster = Cluster::new().await;
    let _nodes = cluster.nodes(2, &[("j", 4)]).await;
    cluster.until("as configured", |s| s.is_even(4)).await;
    for workers in [7, 1, 0, 4] {
        let set = serde_json::json!({"workers": workers});
        cluster.etcd.put(cluster.keys.job("j"), &set, 0).await;
        let state = cluster.until("as set", |s| s.is_even(workers)).await;
        assert!(
            state
                .owners()
                .keys()
                .all(|slot| (slot.index as usize) < workers)
        );
        let told = state.plans.values().flat_map(|p| p.record.workers.values());
        assert!(told.into_iter().all(|told| *told as usize == workers));
    }
    cluster.etcd.delete(cluster.keys.job("j")).await;
    cluster.until("as configured again", |s| s.is_even(4)).await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_ends_by_itself_on_time() {
    let cluster = Cluster::new().await;
    let _nodes = cluster.nodes(2, &[("j", 4), ("k", 2)]).await;
    cluster.until("as configured", |s| s.is_even(6)).await;
    let began = Instant::now();
    let until = Clock::tokio().unix_ms() + 90_000;
    let set = serde_json::json!({"paused": {"until_unix_ms": until, "reason": "r"}});
    cluster.etcd.put(cluster.keys.job("j"), &set, 0).await;
    cluster
        .until("j is paused", |s| s.cluster.slots.len() == 2)
        .await;
    assert!(began.elapsed() < Duration::from_millis(100));
    cluster
        .until("it runs again", |s| s.cluster.slots.len() == 6)
        .await;
    let took = began.elapsed().as_millis();
    // The leader's wall clock was set by the system's a little earlier than this test's.
    assert!((89_500..90_200).contains(&took), "{took} ms");
}

/// Interleaving 6, as a leader sees it: what was loaded last holds, in whatever order nodes come.
#[tokio::test(start_paused = true)]
async fn flapping_config_a_node_that_crashes_on_the_old_one_changes_nothing() {
    let cluster = Cluster::new().await;
    let with = |name: &str, workers, loaded_at| {
        let mut spec = Spec::new(name, &[("j", workers)]);
        spec.member.loaded_at = loaded_at;
        spec
    };
    let _new = Node::start(&cluster, with("new", 6, 20)).await;
    cluster.until("six", |s| s.is_even(6)).await;
    for _ in 0..5 {
        let old = Node::start(&cluster, with("old", 3, 10).follows()).await;
        cluster.until("still six", |s| s.is_even(6)).await;
        old.crash().await;
    }
    let _newer = Node::start(&cluster, with("newer", 3, 30)).await;
    cluster.until("three", |s| s.cluster.slots.len() == 3).await;
}

#[tokio::test(start_paused = true)]
async fn a_configuration_that_nobody_names_is_collected_and_no_other() {
    let cluster = Cluster::new().await;
    let _a = cluster.node("a", &[("j", 2)]).await;
    let b = cluster.node("b", &[("j", 3)]).await;
    cluster.until("both are there", |s| s.is_even(3)).await;
    b.crash().await;
    let state = cluster
        .until("it is collected", |s| s.cluster.configs.len() == 1)
        .await;
    assert!(state.cluster.configs.contains_key("j2"));
    let _b = cluster.node("b", &[("j", 3)]).await;
    cluster.until("it is there again", |s| s.is_even(3)).await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(cluster.state().await.cluster.configs.len(), 2);
}

/// A destination that changed since is refused by the transfer, so losers must hear of it.
#[tokio::test(start_paused = true)]
async fn a_loser_hears_of_it_when_the_destination_changes() {
    let cluster = Cluster::new().await;
    let _leader = Node::start(&cluster, Spec::new("l", &[("j", 8)]).quiet()).await;
    let _a = Node::start(&cluster, Spec::new("a", &[("j", 8)]).follows().idle()).await;
    cluster.until("a holds all", |s| s.holds("a") == 8).await;
    let mut b = Node::start(&cluster, Spec::new("b", &[("j", 8)]).follows().idle()).await;
    let sent_to_b = |s: &super::cluster::State| {
        let plan = s.plans.get("a")?;
        plan.record.leaving.get("b").map(|to| to.member)
    };
    cluster
        .until("four are to go", |s| sent_to_b(s).is_some())
        .await;
    b.change(|member| member.crashes = 0).await;
    let key = cluster.keys.only(cluster.keys.member("b"));
    let revision = cluster.etcd.range(&key).await.unwrap().kvs()[0].mod_revision();
    cluster
        .until("a knows the new b", |s| sent_to_b(s) == Some(revision))
        .await;
    b.change(|member| member.state = "quiet".to_owned()).await;
    cluster
        .until("nothing goes to b any more", |s| sent_to_b(s).is_none())
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_a_node_drained_until_idle_is_given_to_nobody_while_it_lives() {
    let cluster = Cluster::new().await;
    let mut a = cluster.node("a", &[("j", 4)]).await;
    let _b = cluster.node("b", &[("j", 4)]).await;
    cluster.until("even", |s| s.is_even(4)).await;
    let done: crate::coordination::Indexes = [0, 3].into_iter().collect();
    a.change(|member| member.done = [("j".to_owned(), done)].into())
        .await;
    let state = cluster
        .until("two are left", |s| s.cluster.slots.len() == 2)
        .await;
    assert!(
        state
            .owners()
            .keys()
            .all(|slot| [1, 2].contains(&slot.index))
    );
    a.crash().await;
    cluster
        .until("others run them", |s| s.holds("b") == 4)
        .await;
}
