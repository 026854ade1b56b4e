//! A slot that is taken from under its worker.

use std::time::Duration;

use etcd_client::{Client, DeleteOptions, GetOptions};
use process_runner::NodeEnd;
use process_runner::prelude::*;

use super::cluster::{Cluster, Log};

const SLOW: &str = "  work: { class: Recorder, options: { record_ms: 5000 } }\n";

async fn client(cluster: &Cluster) -> Client {
    Client::from_channel(cluster.etcd.channel(), None)
        .await
        .unwrap()
}

async fn keys(client: &mut Client, part: &str) -> Vec<(String, String, i64)> {
    let all = GetOptions::new().with_all_keys();
    let found = client.get("", Some(all)).await.unwrap();
    let kvs = found.kvs().iter();
    let kvs = kvs.map(|kv| {
        let (key, value) = (kv.key_str().unwrap(), kv.value_str().unwrap());
        (key.to_owned(), value.to_owned(), kv.mod_revision())
    });
    kvs.filter(|(key, ..)| key.contains(part)).collect()
}

/// Works on one record for ever, and says when it is cut off.
#[job(lock_driver = "etcd")]
struct Endless {
    #[job(state)]
    log: Log,
}

struct OnDrop(Log, &'static str);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.write(self.1);
    }
}

impl Job for Endless {
    type Record = ();

    async fn lock_records(&mut self, _: &WorkerContext) -> JobResult<Vec<()>> {
        Ok(vec![()])
    }

    async fn process_record(&mut self, _: &WorkerContext, (): &()) -> JobResult<()> {
        let _cut_off = OnDrop(self.log.clone(), "cut off");
        self.log.write("begins");
        std::future::pending().await
    }

    async fn unlock_records(&mut self, _: &WorkerContext) -> JobResult<()> {
        self.log.write("unlocks");
        Ok(())
    }
}

/// A renewal would tell two seconds later; another node has the slot long before.
#[tokio::test(start_paused = true)]
async fn a_lease_that_is_revoked_before_its_time_ends_the_work_at_once() {
    let cluster = Cluster::new();
    let _node = cluster.start("a", "  work: { class: Endless }\n");
    cluster.log.wait_for("begins").await;
    let mut client = client(&cluster).await;
    let (member, ..) = keys(&mut client, "/members/").await.remove(0);
    let found = client.get(member, None).await.unwrap();
    let lease = found.kvs()[0].lease();
    let began = tokio::time::Instant::now();
    client.lease_revoke(lease).await.unwrap();
    cluster.log.wait_for("cut off").await;
    let took = began.elapsed();
    assert!(took < Duration::from_millis(15), "{took:?}");
    cluster.log.wait_for("begins").await;
    assert_eq!(cluster.log.count("unlocks"), 0);
}

/// The entry that was written last.
async fn newest(client: &mut Client, part: &str) -> (String, String) {
    let entries = keys(client, part).await.into_iter();
    let (key, value, _) = entries.max_by_key(|(.., revision)| *revision).unwrap();
    (key, value)
}

#[tokio::test(start_paused = true)]
async fn a_slot_deleted_from_outside_stops_its_worker_which_unlocks_nothing() {
    let cluster = Cluster::new();
    let node = cluster.start("a", SLOW);
    cluster.log.wait_for("begin 0.0").await;
    let mut client = client(&cluster).await;
    let (slot, _, fence) = keys(&mut client, "/slots/").await.remove(0);
    client.delete(slot, None).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let lines = cluster.log.lines();
    assert_eq!(lines[1], "a begin 0.0", "{lines:#?}");
    assert!(
        !lines[2..].contains(&"a end 0.0".to_owned()),
        "the record went on: {lines:#?}"
    );
    assert!(!lines.contains(&"a unlock 0".to_owned()), "{lines:#?}");
    let (.., again) = keys(&mut client, "/slots/").await.remove(0);
    assert!(again > fence, "a new holding has a new fence");
    assert_eq!(node.stop().await, NodeEnd::Clean);
}

#[tokio::test(start_paused = true)]
async fn a_revoked_lease_ends_the_session_and_the_node_joins_anew() {
    let cluster = Cluster::new();
    let node = cluster.start("a", SLOW);
    cluster.log.wait_for("begin 0.0").await;
    let mut client = client(&cluster).await;
    let lease = client.leases().await.unwrap().leases()[0].id();
    let (_, before, _) = keys(&mut client, "/members/").await.remove(0);
    client.lease_revoke(lease).await.unwrap();
    tokio::time::sleep(Duration::from_secs(20)).await;
    let (_, after, _) = keys(&mut client, "/members/").await.remove(0);
    assert_ne!(before, after, "the incarnation is fresh");
    assert!(
        cluster.log.count("begin 0.0") > 1,
        "{:#?}",
        cluster.log.lines()
    );
    assert_eq!(node.stop().await, NodeEnd::Clean);
}

#[tokio::test(start_paused = true)]
async fn the_ledger_says_whether_the_last_end_was_clean() {
    let cluster = Cluster::new();
    let node = cluster.start("a", SLOW);
    cluster.log.wait_for("begin 0.0").await;
    let mut client = client(&cluster).await;
    let (key, value) = newest(&mut client, "/fences/").await;
    assert!(key.contains("/granted-"), "{key}");
    assert_eq!(value, r#"{"indexes":"0","owner":"a"}"#);
    assert_eq!(node.stop().await, NodeEnd::Clean);
    let (key, value) = newest(&mut client, "/fences/").await;
    assert!(key.ends_with("/0"), "{key}");
    assert_eq!(value, r#"{"state":"clean","owner":"a"}"#);

    let node = cluster.start("b", SLOW);
    cluster.log.wait_for("b begin 0.0").await;
    for _ in 0..3 {
        node.handle.stop();
    }
    assert_eq!(
        node.task.await.unwrap().unwrap(),
        NodeEnd::CutOff { workers: 1 }
    );
    let (key, value) = newest(&mut client, "/fences/").await;
    assert!(key.contains("/granted-"), "{key}");
    assert_eq!(value, r#"{"indexes":"0","owner":"b"}"#);
    assert!(keys(&mut client, "/slots/").await.is_empty());
}

/// Interleaving 12: as after a deletion of everything, and after a restart without data, when etcd may
/// call itself by the same ids as before.
#[tokio::test(start_paused = true)]
async fn f11_a_wiped_store_is_refused() {
    for keep_ids in [None, Some(true), Some(false)] {
        let cluster = Cluster::new();
        let node = cluster.start("a", SLOW);
        cluster.log.wait_for("begin 0.0").await;
        if let Some(keep_ids) = keep_ids {
            assert!(cluster.etcd.faults().wipe(keep_ids));
        } else {
            let all = DeleteOptions::new().with_all_keys();
            let mut client = client(&cluster).await;
            client.delete("", Some(all)).await.unwrap();
        }
        let error = node.task.await.unwrap().unwrap_err().to_string();
        assert!(error.contains("this is not the store it was"), "{error}");
        assert!(!cluster.log.lines().contains(&"a unlock 0".to_owned()));
    }
}

/// A node that waited through all of it goes on, and its new store counts from its own beginning.
#[tokio::test(start_paused = true)]
async fn f11_a_wiped_store_whose_epoch_was_raised_meanwhile_is_a_store_like_any_other() {
    let cluster = Cluster::new();
    let node = cluster.start("a", SLOW);
    cluster.log.wait_for("begin 0.0").await;
    let mut client = client(&cluster).await;
    for number in 0..100 {
        client
            .put("/other", number.to_string(), None)
            .await
            .unwrap();
    }
    // A renewal sees that revision.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(cluster.etcd.faults().wipe(true));
    let prefix = "/process_runner/default";
    let outside = process_runner::cluster::Cluster::on_embedded(&cluster.etcd, prefix);
    outside.await.unwrap().raise_epoch(None).await.unwrap();
    for _ in 0..2 {
        let began = cluster.log.count("begin 0.0");
        while cluster.log.count("begin 0.0") == began {
            assert!(!node.task.is_finished(), "it does not go on");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let lease = client.leases().await.unwrap().leases()[0].id();
        client.lease_revoke(lease).await.unwrap();
    }
    assert_eq!(node.stop().await, NodeEnd::Clean);
}

/// Interleaving 21: neither is a batch that is empty again.
#[tokio::test(start_paused = true)]
async fn nothing_is_written_while_a_node_works_or_finds_nothing_to_do() {
    let cluster = Cluster::new();
    let jobs = "  work: { class: Recorder, workers: 3 }\n  \
                idle: { class: Recorder, workers: 3, options: { batches: 1 } }\n";
    let node = cluster.start("a", jobs);
    cluster.log.wait_for("a empty 2").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut client = client(&cluster).await;
    let before = client
        .get("x", None)
        .await
        .unwrap()
        .header()
        .unwrap()
        .revision();
    tokio::time::sleep(Duration::from_secs(600)).await;
    let after = client
        .get("x", None)
        .await
        .unwrap()
        .header()
        .unwrap()
        .revision();
    assert_eq!(
        before, after,
        "a cluster at rest or at work writes nothing to etcd's history"
    );
    assert!(cluster.log.count("empty") > 100, "it asked again and again");
    assert_eq!(node.stop().await, NodeEnd::Clean);
}

#[tokio::test(start_paused = true)]
async fn a_worker_without_progress_is_shown_as_stuck_until_it_goes_on() {
    let cluster = Cluster::new();
    let jobs = "  work: { class: Recorder, stuck_after: 1m, options: { record_ms: 100000 } }\n";
    let node = cluster.start("a", jobs);
    cluster.log.wait_for("begin 0.0").await;
    let mut client = client(&cluster).await;
    tokio::time::sleep(Duration::from_secs(50)).await;
    let status = keys(&mut client, "/status/").await.remove(0).1;
    assert!(status.contains(r#""running":{"work":"0"}"#), "{status}");
    tokio::time::sleep(Duration::from_secs(20)).await;
    let status = keys(&mut client, "/status/").await.remove(0).1;
    assert!(status.contains(r#""state":"stuck""#), "{status}");
    assert!(status.contains("no progress in process_record"), "{status}");
    cluster.log.wait_for("begin 0.1").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let status = keys(&mut client, "/status/").await.remove(0).1;
    assert!(status.contains(r#""running":{"work":"0"}"#), "{status}");
    node.handle.stop();
    assert_eq!(node.stop().await, NodeEnd::Clean);
}
