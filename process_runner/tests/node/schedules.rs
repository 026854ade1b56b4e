//! Schedules of `tests/README.md` that need whole nodes, and no fault of etcd.

use std::time::Duration;

use process_runner::NodeEnd;
use process_runner::cluster::Workers;
use process_runner::prelude::*;
use tokio::time::{Instant, sleep};

use super::cluster::{Cluster, Log};

const RECORDER: &str = "  work: { class: Recorder }\n";

/// Which node said the first line that contains `part`.
async fn who(log: &Log, part: &str) -> String {
    log.wait_for(part).await;
    let lines = log.lines();
    let line = lines.iter().find(|line| line.contains(part)).unwrap();
    line.split(' ').next().unwrap().to_owned()
}

/// Interleaving 15. Both have the host's name; the one that follows a crash keeps it, and waits for the
/// lease of the process that crashed.
#[tokio::test(start_paused = true)]
async fn a_crashed_process_takes_no_suffix_for_its_own_dead_lease() {
    let cluster = Cluster::new();
    let start = || Cluster::run(cluster.node_like("any", "", RECORDER));
    let crashes = start();
    let name = who(&cluster.log, "begin 0.0").await;
    crashes.task.abort();
    assert!(crashes.task.await.unwrap_err().is_cancelled());
    let (before, crashed) = (cluster.log.lines().len(), Instant::now());
    let again = start();
    while cluster.log.lines().len() == before {
        sleep(Duration::from_millis(10)).await;
    }
    assert!(
        crashed.elapsed() > Duration::from_secs(7),
        "whose lease was it?"
    );
    let after = cluster.log.lines().split_off(before);
    assert!(
        after
            .iter()
            .all(|line| line.starts_with(&format!("{name} "))),
        "{after:?}"
    );
    // A second process that lives beside it is another node.
    let second = start();
    assert_eq!(again.stop().await, NodeEnd::Clean);
    let second_name = format!("{name}-2 begin");
    cluster.log.wait_for(&second_name).await;
    assert_eq!(second.stop().await, NodeEnd::Clean);
}

/// Says at which node each of its workers is.
#[job(lock_driver = "etcd")]
struct Placed {
    #[job(state)]
    log: Log,
}

impl Job for Placed {
    type Record = ();

    async fn lock_records(&mut self, cx: &WorkerContext) -> JobResult<Vec<()>> {
        let slot = format!("{}@{}", cx.job(), cx.worker_index());
        self.log.write(format!("{slot} at {}", cx.node()));
        cx.stopping().await;
        Ok(Vec::new())
    }

    async fn process_record(&mut self, _cx: &WorkerContext, _record: &()) -> JobResult<()> {
        Ok(())
    }

    async fn unlock_records(&mut self, _cx: &WorkerContext) -> JobResult<()> {
        Ok(())
    }
}

/// Interleaving 20. `x` and `y` change places between two nodes that have no room for one more: whoever
/// waits for the other to give first waits for ever.
#[tokio::test(start_paused = true)]
async fn two_full_nodes_change_what_they_have() {
    let jobs = |y: u32, x_on: &str, y_on: &str| {
        format!(
            "  x: {{ class: Placed, workers: 2{x_on} }}\n  y: {{ class: Placed, workers: {y}{y_on} }}\n"
        )
    };
    let like =
        |name: &str| format!("max_workers: 2, node: {{ name: {name}, labels: {{ at: {name} }} }}");
    let cluster = Cluster::new();
    let a = Cluster::run(cluster.node_like("a", &like("a"), &jobs(0, "", "")));
    cluster.log.wait_for("x@1 at a").await;
    let b = Cluster::run(cluster.node_like("b", &like("b"), &jobs(2, "", "")));
    cluster.log.wait_for("y@1 at b").await;
    // The configuration that was loaded last holds: that of a node that may run neither.
    let (x_on, y_on) = (", labels: { at: b }", ", labels: { at: a }");
    let c = Cluster::run(cluster.node_like("c", &like("c"), &jobs(2, x_on, y_on)));
    for moved in ["x@0 at b", "x@1 at b", "y@0 at a", "y@1 at a"] {
        cluster.log.wait_for(moved).await;
    }
    for node in [c, a, b] {
        node.stop().await;
    }
}

/// Takes the ids that are its own by their number, which is what nobody should do, and keeps each of them
/// for a while.
#[job(lock_driver = "etcd")]
struct ByNumber {
    #[job(state)]
    log: Log,
}

impl Job for ByNumber {
    type Record = u32;

    async fn lock_records(&mut self, cx: &WorkerContext) -> JobResult<Vec<u32>> {
        let (workers, index) = (cx.workers(), cx.worker_index());
        Ok((0..8).filter(|id| id % workers == index).collect())
    }

    async fn process_record(&mut self, cx: &WorkerContext, id: &u32) -> JobResult<()> {
        self.log.write(format!("{} takes {id}", cx.worker_index()));
        sleep(Duration::from_secs(60)).await;
        self.log.write(format!("{} leaves {id}", cx.worker_index()));
        Ok(())
    }

    async fn unlock_records(&mut self, _cx: &WorkerContext) -> JobResult<()> {
        Ok(())
    }
}

/// Interleaving 22, and why the documentation of `workers()` forbids it: while the number of workers
/// changes, an id has two of them. A resize disturbs nobody who works, so this cannot be otherwise.
#[tokio::test(start_paused = true)]
async fn ids_that_are_shared_out_by_number_have_two_workers_while_the_number_changes() {
    let cluster = Cluster::new();
    let node = cluster.start("a", "  work: { class: ByNumber, workers: 4 }\n");
    cluster.log.wait_for("3 takes 3").await;
    let prefix = "/process_runner/default";
    let outside = process_runner::cluster::Cluster::on_embedded(&cluster.etcd, prefix);
    let scaled = outside.await.unwrap().scale("work", Workers::To(8)).await;
    scaled.unwrap();
    cluster.log.wait_for("7 takes 7").await;
    cluster.log.wait_for("3 takes 7").await;
    // Taken a second time before it was left.
    let lines = cluster.log.lines();
    let of_7 = lines.iter().filter(|line| line.ends_with(" 7"));
    let of_7: Vec<_> = of_7.take(2).collect();
    assert_eq!(of_7, ["7 takes 7", "3 takes 7"], "{lines:#?}");
    node.handle.stop();
    assert_eq!(node.stop().await, NodeEnd::Clean);
}
