//! `lock_delay`: after a loss that was not clean the next worker waits, whoever it is and however the
//! slot came to it; after everything else nobody waits.

use std::future::Future;
use std::time::Duration;

use etcd_client::{Client, GetOptions};
use process_runner::NodeEnd;
use process_runner::prelude::*;
use tokio::time::{Instant, sleep};

use super::cluster::{Cluster, Log, Running};

/// Longer than a lease takes to run out, so that nothing is in time by accident.
const DELAY: Duration = Duration::from_secs(15);

/// Works on one record for ever. It drops it when it is asked to, and tidies up for as long as its options say.
#[job(lock_driver = "etcd")]
struct Steady {
    #[job(default = 0)]
    tidy_ms: u64,
    #[job(default = 0)]
    prepare_ms: u64,
    /// It goes on until it is dropped.
    #[job(default = false)]
    deaf: bool,
    #[job(state)]
    log: Log,
}

struct OnDrop(Log, String);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.write(std::mem::take(&mut self.1));
    }
}

impl Steady {
    fn line(cx: &WorkerContext, what: &str) -> String {
        format!("{} {what} {}", cx.node(), cx.worker_index())
    }
}

impl Job for Steady {
    type Record = ();

    async fn prepare(&mut self, cx: &WorkerContext) -> JobResult<()> {
        self.log.write(Self::line(cx, "prepares"));
        sleep(Duration::from_millis(self.prepare_ms)).await;
        Ok(())
    }

    async fn lock_records(&mut self, cx: &WorkerContext) -> JobResult<Vec<()>> {
        self.log.write(Self::line(cx, "begins"));
        Ok(vec![()])
    }

    async fn process_record(&mut self, cx: &WorkerContext, (): &()) -> JobResult<()> {
        let _ends = OnDrop(self.log.clone(), Self::line(cx, "ends"));
        match self.deaf {
            true => std::future::pending().await,
            false => cx.stopping().await,
        }
        Ok(())
    }

    async fn unlock_records(&mut self, cx: &WorkerContext) -> JobResult<()> {
        sleep(Duration::from_millis(self.tidy_ms)).await;
        self.log.write(Self::line(cx, "unlocks"));
        Ok(())
    }
}

fn jobs(workers: u32) -> String {
    format!("  work: {{ class: Steady, workers: {workers}, lock_delay: 15s }}\n")
}

/// A test that waits for what never comes has failed.
async fn in_time<T>(what: &str, waits: impl Future<Output = T>) -> T {
    let waits = tokio::time::timeout(Duration::from_secs(120), waits);
    waits
        .await
        .unwrap_or_else(|_| panic!("{what} did not happen"))
}

/// Until `log` has `count` lines with `part`.
async fn until_logged(log: &Log, part: &str, count: usize) {
    let look = async {
        while log.count(part) < count {
            sleep(Duration::from_millis(1)).await;
        }
    };
    in_time(part, look).await;
}

/// What etcd shows, and what a person does to it.
struct Store(Client);

impl Store {
    async fn of(cluster: &Cluster) -> Self {
        let channel = cluster.etcd.channel();
        Self(Client::from_channel(channel, None).await.unwrap())
    }

    async fn find(&mut self, part: &str) -> Vec<(String, String)> {
        let all = GetOptions::new().with_all_keys();
        let found = self.0.get("", Some(all)).await.unwrap();
        let kvs = found.kvs().iter();
        let kvs = kvs.map(|kv| (kv.key_str().unwrap(), kv.value_str().unwrap()));
        let kvs = kvs.filter(|(key, _)| key.contains(part));
        kvs.map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    /// Until the first slot is `node`'s.
    async fn until_owned_by(&mut self, node: &str) -> Instant {
        let owner = format!("\"owner\":\"{node}\"");
        self.until("/slots/", &owner).await
    }

    /// Until a value under a key with `key` has `part`: since when.
    async fn until(&mut self, key: &str, part: &str) -> Instant {
        let look = async {
            loop {
                let found = self.find(key).await;
                if found.iter().any(|(_, value)| value.contains(part)) {
                    return Instant::now();
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        in_time(part, look).await
    }

    async fn until_status(&mut self, part: &str) -> Instant {
        self.until("/status/", part).await
    }

    async fn delete(&mut self, part: &str) {
        let (key, _) = self.find(part).await.remove(0);
        self.0.delete(key, None).await.unwrap();
    }

    async fn put(&mut self, key: &str, value: &str) {
        let (member, _) = self.find("/members/").await.remove(0);
        let prefix = member.split("/members/").next().unwrap();
        let key = format!("{prefix}{key}");
        self.0.put(key, value, None).await.unwrap();
    }
}

/// The process is gone; its lease runs out.
async fn crash(node: Running) {
    node.task.abort();
    assert!(node.task.await.unwrap_err().is_cancelled());
}

/// `a` crashed, and `b` was granted the only slot: since when.
async fn taken_over(cluster: &Cluster) -> (Running, Store, Instant) {
    let a = cluster.start("a", &jobs(1));
    cluster.log.wait_for("a begins 0").await;
    let b = cluster.start("b", &jobs(1));
    sleep(Duration::from_secs(2)).await;
    let mut store = Store::of(cluster).await;
    crash(a).await;
    let granted = store.until_owned_by("b").await;
    (b, store, granted)
}

/// When a slot was granted is known to a few milliseconds.
fn about(took: Duration, expected: Duration) {
    let exact = expected.saturating_sub(Duration::from_millis(20));
    let late = took.saturating_sub(expected);
    assert!(
        took >= exact && late < Duration::from_millis(500),
        "{took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_worker_after_a_crash_waits_says_so_and_then_begins() {
    let cluster = Cluster::new();
    let (_b, mut store, granted) = taken_over(&cluster).await;
    store.until_status("waiting for `lock_delay`").await;
    about(granted.elapsed(), Duration::ZERO);
    let status = store.find("/status/b").await.remove(0).1;
    assert!(status.contains(r#""state":"waiting""#), "{status}");
    assert!(status.contains("delayed_until_unix_ms"), "{status}");
    cluster.log.wait_for("b begins 0").await;
    about(granted.elapsed(), DELAY);
    // What is nobody's effect need not wait.
    assert_eq!(cluster.log.count("b prepares 0"), 1);
    store.until_status(r#""running":{"work":"0"}"#).await;
    about(granted.elapsed(), DELAY);
}

#[tokio::test(start_paused = true)]
async fn the_first_worker_and_those_after_a_clean_end_wait_for_nothing() {
    let cluster = Cluster::new();
    let began = Instant::now();
    let a = cluster.start("a", &jobs(2));
    cluster.log.wait_for("a begins 1").await;
    about(began.elapsed(), Duration::ZERO);

    // Handed over: one for balance, the other when its node leaves.
    let _b = cluster.start("b", &jobs(2));
    cluster.log.wait_for("b begins").await;
    about(began.elapsed(), Duration::from_secs(1));
    let left = Instant::now();
    assert_eq!(a.stop().await, NodeEnd::Clean);
    until_logged(&cluster.log, "b begins", 2).await;
    about(left.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn who_starts_after_everybody_left_cleanly_waits_for_nothing() {
    let cluster = Cluster::new();
    let a = cluster.start("a", &jobs(1));
    cluster.log.wait_for("a begins 0").await;
    assert_eq!(a.stop().await, NodeEnd::Clean);
    let began = Instant::now();
    let _b = cluster.start("b", &jobs(1));
    cluster.log.wait_for("b begins 0").await;
    about(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_delay_that_is_over_was_served_and_the_end_after_it_is_clean() {
    let cluster = Cluster::new();
    let (b, ..) = taken_over(&cluster).await;
    cluster.log.wait_for("b begins 0").await;
    let _c = cluster.start("c", &jobs(1));
    sleep(Duration::from_secs(2)).await;
    let left = Instant::now();
    assert_eq!(b.stop().await, NodeEnd::Clean);
    cluster.log.wait_for("c begins 0").await;
    about(left.elapsed(), Duration::ZERO);
}

/// Interleaving 11, first schedule: a crashes; b is granted the slot, and is drained a second later.
#[tokio::test(start_paused = true)]
async fn laundered_delay_a_holder_that_leaves_during_its_delay_passes_it_on_in_full() {
    let cluster = Cluster::new();
    let (b, mut store, _) = taken_over(&cluster).await;
    let _c = cluster.start("c", &jobs(1));
    sleep(Duration::from_secs(5)).await;
    let left = Instant::now();
    assert_eq!(b.stop().await, NodeEnd::Clean, "nobody was cut off");
    about(left.elapsed(), Duration::ZERO);
    let granted = store.until_owned_by("c").await;
    cluster.log.wait_for("c begins 0").await;
    about(granted.elapsed(), DELAY);
    assert_eq!(cluster.log.count("b begins"), 0);
}

/// The same, and the holder stays: it is only quiet, or its worker is restarted.
#[tokio::test(start_paused = true)]
async fn laundered_delay_neither_a_quiet_node_nor_a_restart_shortens_it() {
    let cluster = Cluster::new();
    let (b, mut store, _) = taken_over(&cluster).await;
    let _c = cluster.start("c", &jobs(1));
    sleep(Duration::from_secs(5)).await;
    b.handle.quiet();
    let granted = store.until_owned_by("c").await;
    sleep(Duration::from_secs(10)).await;
    store
        .put("/inbox/c/00", r#"{"note":"restart","slots":{"work":"0"}}"#)
        .await;
    cluster.log.wait_for("c begins 0").await;
    about(granted.elapsed(), Duration::from_secs(10) + DELAY);
}

/// Interleaving 11, second schedule: the key is deleted by hand while its owner works, and granted to another
/// node in milliseconds. The owner notices at its next renewal.
#[tokio::test(start_paused = true)]
async fn laundered_delay_a_key_deleted_by_hand_makes_nobody_overlap() {
    let cluster = Cluster::new();
    let deaf = "  work: { class: Steady, lock_delay: 15s, options: { deaf: true } }\n";
    let a = cluster.start("a", deaf);
    cluster.log.wait_for("a begins 0").await;
    let _b = cluster.start("b", deaf);
    // a is to hand its slot over, and works on its record still.
    let mut store = Store::of(&cluster).await;
    sleep(Duration::from_secs(2)).await;
    a.handle.quiet();
    store.until_status(r#""state":"draining""#).await;
    store.delete("/slots/").await;
    let granted = store.until_owned_by("b").await;
    assert_eq!(cluster.log.count("a ends"), 0, "a works on");
    cluster.log.wait_for("b begins 0").await;
    about(granted.elapsed(), DELAY);
    let lines = cluster.log.lines();
    let place = |what| lines.iter().position(|line| line == what);
    let (ends, begins) = (place("a ends 0"), place("b begins 0"));
    assert!(ends.is_some() && ends < begins, "{lines:#?}");
}

/// The same, and the slot comes back to the owner itself.
#[tokio::test(start_paused = true)]
async fn laundered_delay_a_key_deleted_by_hand_that_comes_back_makes_its_owner_wait() {
    let cluster = Cluster::new();
    let _a = cluster.start("a", &jobs(1));
    cluster.log.wait_for("a begins 0").await;
    let mut store = Store::of(&cluster).await;
    store.delete("/slots/").await;
    let granted = store.until_owned_by("a").await;
    until_logged(&cluster.log, "a begins", 2).await;
    about(granted.elapsed(), DELAY);
    assert_eq!(cluster.log.count("a unlocks"), 0);
}

/// Interleaving 11, third schedule: the job shrinks after the last index crashed. It is granted once more to be
/// unlocked, which waits like everything else.
#[tokio::test(start_paused = true)]
async fn laundered_delay_an_index_that_shrinking_removed_is_unlocked_after_it() {
    let cluster = Cluster::new();
    let a = cluster.start("a", &jobs(2));
    cluster.log.wait_for("a begins 1").await;
    let mut store = Store::of(&cluster).await;
    crash(a).await;
    store.put("/jobs/work", r#"{"workers":1}"#).await;
    let b = cluster.start("b", &jobs(2));
    // The one that is to unlock is sent away before its delay is over: it unlocked nothing.
    store.until("/status/b", "retiring").await;
    let _c = cluster.start("c", &jobs(2));
    sleep(Duration::from_secs(3)).await;
    assert_eq!(b.stop().await, NodeEnd::Clean);
    let granted = store.until("/status/c", "retiring").await;
    cluster.log.wait_for("c unlocks 1").await;
    let took = granted.elapsed();
    assert!(took > DELAY - Duration::from_secs(1), "{took:?}");
    assert_eq!(cluster.log.count("b unlocks"), 0);
}

/// The same without a delay: its worker is stopped before its first iteration, so what the crash left locked is
/// locked still.
#[tokio::test(start_paused = true)]
async fn a_worker_that_was_stopped_while_it_prepared_has_unlocked_nothing() {
    let cluster = Cluster::new();
    let jobs = |options| format!("  work: {{ class: Steady, workers: 2, options: {options} }}\n");
    let a = cluster.start("a", &jobs("{}"));
    cluster.log.wait_for("a begins 1").await;
    crash(a).await;
    let _b = cluster.start("b", &jobs("{ prepare_ms: 60000 }"));
    cluster.log.wait_for("b prepares 1").await;
    let mut store = Store::of(&cluster).await;
    store.put("/jobs/work", r#"{"workers":1}"#).await;
    until_logged(&cluster.log, "b unlocks 1", 1).await;
}

/// etcd is away for longer than the lease lasts, and gives it its full time again when it is back. Who could tidy
/// up in time goes on at once; who was cut off waits, on its own node too.
#[tokio::test(start_paused = true)]
async fn after_an_outage_only_who_was_cut_off_waits() {
    for (tidy_ms, waits) in [(100, false), (60_000, true)] {
        let cluster = Cluster::new();
        let job = "class: Steady, lock_delay: 15s";
        let jobs = format!("  work: {{ {job}, options: {{ tidy_ms: {tidy_ms} }} }}\n");
        let _a = cluster.start("a", &jobs);
        cluster.log.wait_for("a begins 0").await;
        let faults = cluster.etcd.faults();
        faults.lose_quorum(true);
        sleep(Duration::from_secs(60)).await;
        // As when etcd starts again: every lease has its full time.
        faults.change_leader();
        faults.lose_quorum(false);
        let back = Instant::now();
        until_logged(&cluster.log, "a begins 0", 2).await;
        let took = back.elapsed();
        assert_eq!(took >= DELAY, waits, "{took:?}");
        assert!(took < DELAY + Duration::from_secs(5), "{took:?}");
    }
}

/// A lease that ends during the delay ends the waiting, and the next holder waits anew.
#[tokio::test(start_paused = true)]
async fn a_session_that_is_lost_during_its_delay_begins_the_next_one_in_full() {
    let cluster = Cluster::new();
    let (_b, mut store, _) = taken_over(&cluster).await;
    sleep(Duration::from_secs(5)).await;
    let (member, _) = store.find("/members/b").await.remove(0);
    let lease = store.0.get(member, None).await.unwrap().kvs()[0].lease();
    store.0.lease_revoke(lease).await.unwrap();
    let revoked = Instant::now();
    let granted = store.until_owned_by("b").await;
    assert!(granted - revoked < Duration::from_secs(3));
    cluster.log.wait_for("b begins 0").await;
    about(granted.elapsed(), DELAY);
}
