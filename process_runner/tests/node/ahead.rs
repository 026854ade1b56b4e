//! `prepare_ahead`: the worker that follows is ready before the one that goes stops.

use std::time::Duration;

use process_runner::prelude::*;

use super::cluster::{Cluster, Log};

/// Prepares for a while, then works without end.
#[job(lock_driver = "etcd")]
struct Warm {
    #[job(default = 5000)]
    prepare_ms: u64,
    /// The first attempt of each worker fails.
    #[job(default = false)]
    fails: bool,
    #[job(state)]
    log: Log,
}

struct OnDrop(Log, String);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.write(std::mem::take(&mut self.1));
    }
}

impl Job for Warm {
    type Record = ();

    async fn prepare(&mut self, cx: &WorkerContext) -> JobResult<()> {
        let who = format!("{} prepare {}", cx.node(), cx.worker_index());
        let attempt = self.log.count(&who);
        let held = (cx.fence() > 0, cx.still_owned());
        self.log.write(format!("{who} held {held:?}"));
        let ended = format!("{} left prepare {}", cx.node(), cx.worker_index());
        let _ended = OnDrop(self.log.clone(), ended);
        tokio::time::sleep(Duration::from_millis(self.prepare_ms)).await;
        if self.fails && attempt == 0 {
            Err("not yet")?;
        }
        Ok(())
    }

    async fn lock_records(&mut self, cx: &WorkerContext) -> JobResult<Vec<()>> {
        assert!(cx.still_owned() && cx.fence() > 0);
        self.log
            .write(format!("{} lock {}", cx.node(), cx.worker_index()));
        Ok(vec![()])
    }

    async fn process_record(&mut self, _: &WorkerContext, (): &()) -> JobResult<()> {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok(())
    }

    async fn unlock_records(&mut self, cx: &WorkerContext) -> JobResult<()> {
        self.log
            .write(format!("{} unlock {}", cx.node(), cx.worker_index()));
        Ok(())
    }
}

fn jobs(ahead: &str, options: &str) -> String {
    format!(
        "  work: {{ class: Warm, workers: 2, prepare_ahead: {ahead}, options: {{ {options} }} }}\n"
    )
}

/// The index that `node` was the first to prepare.
fn prepared_by(log: &Log, node: &str) -> String {
    let lines = log.lines();
    let part = format!("{node} prepare ");
    let line = lines.iter().find(|line| line.starts_with(&part)).unwrap();
    line[part.len()..].chars().take(1).collect()
}

fn place(log: &Log, part: &str) -> usize {
    let lines = log.lines();
    let found = lines.iter().position(|line| line.contains(part));
    found.unwrap_or_else(|| panic!("no `{part}` in {lines:#?}"))
}

/// How often `part` stands in the log from `from` on.
fn after(log: &Log, from: usize, part: &str) -> usize {
    let lines = log.lines();
    lines[from..]
        .iter()
        .filter(|line| line.contains(part))
        .count()
}

#[tokio::test(start_paused = true)]
async fn the_source_works_until_the_target_is_prepared() {
    let cluster = Cluster::new();
    let jobs = jobs("60s", "");
    let _a = cluster.start("a", &jobs);
    cluster.log.wait_for("a lock 0").await;
    cluster.log.wait_for("a lock 1").await;
    let _b = cluster.start("b", &jobs);
    cluster.log.wait_for("b lock").await;
    let log = &cluster.log;
    let index = prepared_by(log, "b");
    assert_eq!(
        log.count(&format!("b prepare {index} held (false, false)")),
        1
    );
    let began = place(log, &format!("b prepare {index}"));
    let ready = place(log, &format!("b left prepare {index}"));
    let locks = format!("a lock {index}");
    let meanwhile = after(log, began, &locks) - after(log, ready, &locks);
    assert!(meanwhile > 40, "{meanwhile} iterations in five seconds");
    assert!(after(log, ready, &locks) <= 1, "{:#?}", log.lines());
    assert_eq!(log.count("b prepare"), 1, "prepared once");
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_starts_where_nobody_worked_prepares_under_its_fence() {
    let cluster = Cluster::new();
    let _a = cluster.start("a", &jobs("60s", ""));
    cluster.log.wait_for("a lock 0").await;
    assert_eq!(cluster.log.count("a prepare 0 held (true, true)"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_takes_too_long_is_not_waited_for() {
    let cluster = Cluster::new();
    let jobs = jobs("2s", "prepare_ms: 30000");
    let _a = cluster.start("a", &jobs);
    cluster.log.wait_for("a lock 0").await;
    cluster.log.wait_for("a lock 1").await;
    let _b = cluster.start("b", &jobs);
    cluster.log.wait_for("b lock").await;
    let log = &cluster.log;
    let index = prepared_by(log, "b");
    let began = place(log, &format!("b prepare {index}"));
    let meanwhile = after(log, began, &format!("a lock {index}"));
    assert!(
        (15..=25).contains(&meanwhile),
        "{meanwhile} iterations in two seconds"
    );
    assert_eq!(
        log.count("b prepare"),
        1,
        "what was begun ahead is not begun again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_preparation_that_fails_is_tried_again_under_the_fence() {
    let cluster = Cluster::new();
    let jobs = jobs("60s", "fails: true, prepare_ms: 1000");
    let _a = cluster.start("a", &jobs);
    cluster.log.wait_for("a lock 0").await;
    cluster.log.wait_for("a lock 1").await;
    let _b = cluster.start("b", &jobs);
    cluster.log.wait_for("b lock").await;
    let index = prepared_by(&cluster.log, "b");
    assert!(cluster.log.count(&format!("b prepare {index} held")) >= 2);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_dies_while_it_prepares_stops_nobody() {
    let cluster = Cluster::new();
    let jobs = jobs("300s", "prepare_ms: 100000");
    let _a = cluster.start("a", &jobs);
    cluster.log.wait_for("a lock 0").await;
    cluster.log.wait_for("a lock 1").await;
    let b = cluster.start("b", &jobs);
    cluster.log.wait_for("b prepare").await;
    b.task.abort();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        cluster.log.count("a prepare"),
        2,
        "no worker was started anew"
    );
}

#[tokio::test(start_paused = true)]
async fn what_does_not_come_any_more_is_dropped_and_what_leaves_for_good_is_not_held_up() {
    let cluster = Cluster::new();
    let jobs = jobs("300s", "prepare_ms: 100000");
    let a = cluster.start("a", &jobs);
    cluster.log.wait_for("a lock 0").await;
    cluster.log.wait_for("a lock 1").await;
    let b = cluster.start("b", &jobs);
    cluster.log.wait_for("b prepare").await;
    b.handle.quiet();
    cluster.log.wait_for("b left prepare").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(
        cluster.log.count("a prepare"),
        2,
        "no worker was started anew"
    );
    // Nobody prepares for a node that leaves alone: it gives back, and is gone.
    let began = tokio::time::Instant::now();
    a.stop().await;
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}

/// The first target answers when it lets its worker go. That is no answer of the second.
#[tokio::test(start_paused = true)]
async fn a_target_that_takes_over_from_another_one_is_waited_for_by_itself() {
    let cluster = Cluster::new();
    let jobs = jobs("60s", "");
    let _a = cluster.start("a", &jobs);
    cluster.log.wait_for("a lock 0").await;
    cluster.log.wait_for("a lock 1").await;
    let b = cluster.start("b", &jobs);
    cluster.log.wait_for("b prepare").await;
    let index = prepared_by(&cluster.log, "b");
    let _c = cluster.start("c", &jobs);
    tokio::time::sleep(Duration::from_secs(2)).await;
    b.handle.quiet();
    cluster.log.wait_for(&format!("c lock {index}")).await;
    let log = &cluster.log;
    assert_eq!(log.count("b left prepare"), 1, "{:#?}", log.lines());
    let began = place(log, &format!("c prepare {index}"));
    let ready = place(log, &format!("c left prepare {index}"));
    let locks = format!("a lock {index}");
    let meanwhile = after(log, began, &locks) - after(log, ready, &locks);
    assert!(meanwhile > 40, "{meanwhile} iterations in five seconds");
    assert_eq!(log.count(&format!("c prepare {index}")), 1);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_drains_works_until_who_follows_is_prepared() {
    let cluster = Cluster::new();
    let jobs = jobs("60s", "");
    let a = cluster.start("a", &jobs);
    cluster.log.wait_for("a lock 0").await;
    cluster.log.wait_for("a lock 1").await;
    let b = cluster.start("b", &jobs);
    cluster.log.wait_for("b lock").await;
    let index = prepared_by(&cluster.log, "b");
    let other = if index == "0" { "1" } else { "0" };
    a.handle.drain();
    cluster.log.wait_for(&format!("b lock {other}")).await;
    let log = &cluster.log;
    let (began, ready) = (
        place(log, &format!("b prepare {other}")),
        place(log, &format!("b left prepare {other}")),
    );
    let locks = format!("a lock {other}");
    let meanwhile = after(log, began, &locks) - after(log, ready, &locks);
    assert!(meanwhile > 40, "{meanwhile} iterations in five seconds");
    assert_eq!(log.count(&format!("b prepare {other}")), 1);
    drop(b);
}
