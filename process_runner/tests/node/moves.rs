//! Slots that move between nodes: as few as possible, without a gap, and nobody else is disturbed.

use std::collections::BTreeMap;
use std::time::Duration;

use process_runner::NodeEnd;
use process_runner::prelude::*;
use tokio::time::{Instant, sleep};

use super::cluster::{Cluster, Log, Running};

/// Runs until it is stopped, and says when it starts and stops.
#[job(lock_driver = "etcd")]
pub(crate) struct Sitter {
    #[job(state)]
    log: Log,
}

impl Sitter {
    fn say(&self, cx: &WorkerContext, what: &str) {
        let line = format!("{} {what} {}", cx.node(), cx.worker_index());
        self.log.write(line);
    }
}

impl Job for Sitter {
    type Record = ();

    async fn lock_records(&mut self, cx: &WorkerContext) -> JobResult<Vec<()>> {
        self.say(cx, "starts");
        cx.stopping().await;
        Ok(Vec::new())
    }

    async fn process_record(&mut self, _cx: &WorkerContext, _record: &()) -> JobResult<()> {
        Ok(())
    }

    async fn unlock_records(&mut self, cx: &WorkerContext) -> JobResult<()> {
        self.say(cx, "stops");
        Ok(())
    }
}

fn sitters(workers: u32) -> String {
    format!("  sit: {{ class: Sitter, workers: {workers} }}\n")
}

/// Which node runs each index, by what the workers said. Panics if two ever ran one at once.
fn holders(log: &Log) -> BTreeMap<u32, String> {
    let mut holders = BTreeMap::new();
    for line in log.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let (node, index) = (words[0].to_owned(), words[2].parse().unwrap());
        if words[1] == "starts" {
            let before = holders.insert(index, node);
            assert_eq!(before, None, "`{line}` while it runs elsewhere");
        } else {
            assert_eq!(holders.remove(&index), Some(node), "`{line}`");
        }
    }
    holders
}

/// How many indexes each node runs.
fn shares(log: &Log) -> BTreeMap<String, usize> {
    let mut shares = BTreeMap::new();
    for node in holders(log).into_values() {
        *shares.entry(node).or_default() += 1;
    }
    shares
}

async fn until(log: &Log, what: &str, is_it: impl Fn(&BTreeMap<String, usize>) -> bool) {
    let began = Instant::now();
    while !is_it(&shares(log)) {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{what}: {:?} of {:#?}",
            shares(log),
            log.lines()
        );
        sleep(Duration::from_millis(1)).await;
    }
}

fn is(node: &str, slots: usize) -> impl Fn(&BTreeMap<String, usize>) -> bool {
    move |shares| shares.get(node).copied().unwrap_or(0) == slots
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_takes_its_share_and_nobody_else_is_disturbed() {
    let cluster = Cluster::new();
    let _a = cluster.start("a", &sitters(9));
    until(&cluster.log, "a runs all", is("a", 9)).await;
    let _b = cluster.start("b", &sitters(9));
    until(&cluster.log, "b has its share", is("b", 4)).await;
    sleep(Duration::from_secs(60)).await;
    assert_eq!(
        shares(&cluster.log),
        [("a".into(), 5), ("b".into(), 4)].into()
    );
    assert_eq!(cluster.log.count("stops"), 4, "only what moved was stopped");
}

#[tokio::test(start_paused = true)]
async fn a_drained_node_hands_its_slots_over_without_a_gap() {
    let cluster = Cluster::new();
    let a = cluster.start("a", &sitters(4));
    let _b = cluster.start("b", &sitters(4));
    until(&cluster.log, "even", is("b", 2)).await;
    let before = cluster.log.lines().len();
    let began = Instant::now();
    assert_eq!(a.stop().await, NodeEnd::Clean);
    until(&cluster.log, "b runs all", is("b", 4)).await;
    // The workers ran on until the plan said where to: an election and a debounce, not a lease.
    assert!(
        began.elapsed() < Duration::from_millis(600),
        "{:?}",
        began.elapsed()
    );
    let moved = cluster.log.lines()[before..].to_vec();
    assert_eq!(moved.len(), 4, "two stop, two start: {moved:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_hundred_slots_are_handed_over_in_a_few_requests() {
    let cluster = Cluster::new();
    let a = cluster.node("a", &sitters(100));
    let requests = a.requests();
    let a = Cluster::run(a);
    until(&cluster.log, "a has all", is("a", 100)).await;
    let b = cluster.start("b", &sitters(100));
    b.handle.quiet();
    sleep(Duration::from_secs(5)).await;
    b.handle.resume();
    let before = requests.count();
    assert_eq!(a.stop().await, NodeEnd::Clean);
    until(&cluster.log, "b runs all", is("b", 100)).await;
    let asked = requests.count() - before;
    assert!(asked < 40, "{asked} requests");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_node_hands_over_stays_and_takes_its_share_again() {
    let cluster = Cluster::new();
    let a = cluster.start("a", &sitters(4));
    let _b = cluster.start("b", &sitters(4));
    until(&cluster.log, "even", is("b", 2)).await;
    a.handle.quiet();
    until(&cluster.log, "b runs all", is("b", 4)).await;
    sleep(Duration::from_secs(60)).await;
    assert!(!a.task.is_finished());
    a.handle.resume();
    until(&cluster.log, "even again", is("a", 2)).await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_else_may_take_is_given_back_by_a_quiet_node() {
    let cluster = Cluster::new();
    let a = cluster.start("a", &sitters(3));
    until(&cluster.log, "a runs all", is("a", 3)).await;
    a.handle.quiet();
    until(&cluster.log, "nobody runs", is("a", 0)).await;
    a.handle.resume();
    until(&cluster.log, "a runs all again", is("a", 3)).await;
    assert_eq!(a.stop().await, NodeEnd::Clean);
}

#[tokio::test(start_paused = true)]
async fn a_dead_nodes_slots_wait_for_its_lease_and_no_longer() {
    let cluster = Cluster::new();
    // Leader and standby die, too: the third node has to find out by itself.
    let _c = cluster.start("c", &sitters(6));
    until(&cluster.log, "c runs all", is("c", 6)).await;
    let b = cluster.start("b", &sitters(6));
    let a = cluster.start("a", &sitters(6));
    until(&cluster.log, "even", |shares| {
        shares.len() == 3 && is("a", 2)(shares)
    })
    .await;
    let lines = cluster.log.lines().len();
    b.task.abort();
    a.task.abort();
    let began = Instant::now();
    // Their workers were dropped where they stood, so they said nothing.
    while cluster.log.lines().len() < lines + 4 {
        sleep(Duration::from_millis(1)).await;
        assert!(
            began.elapsed() < Duration::from_secs(12),
            "{:#?}",
            cluster.log.lines()
        );
    }
    assert!(
        began.elapsed() > Duration::from_secs(7),
        "{:?}",
        began.elapsed()
    );
    let taken = cluster.log.lines()[lines..].to_vec();
    assert!(
        taken.iter().all(|line| line.starts_with("c starts")),
        "{taken:#?}"
    );
}

/// Ten nodes with a hundred slots each, replaced one after the other; how many workers started
/// besides the first thousand.
async fn rolling_restart(replacement_first: bool) -> usize {
    let cluster = Cluster::new();
    let slots = sitters(1000);
    let mut nodes: Vec<Running> = (0..10)
        .map(|number| cluster.start(&format!("n{number}"), &slots))
        .collect();
    let even = |shares: &BTreeMap<String, usize>| {
        shares.len() == 10 && shares.values().all(|share| *share == 100)
    };
    until(&cluster.log, "even", even).await;
    sleep(Duration::from_secs(5)).await;
    let before = cluster.log.count("starts");
    for number in 0..10 {
        let old = nodes.remove(0);
        let name = format!("m{number}");
        if replacement_first {
            nodes.push(cluster.start(&name, &slots));
            sleep(Duration::from_millis(200)).await;
            assert_eq!(old.stop().await, NodeEnd::Clean);
        } else {
            assert_eq!(old.stop().await, NodeEnd::Clean);
            nodes.push(cluster.start(&name, &slots));
        }
        until(&cluster.log, "even", even).await;
        sleep(Duration::from_secs(2)).await;
    }
    cluster.log.count("starts") - before
}

#[tokio::test(start_paused = true)]
async fn a_rolling_restart_moves_each_slot_once_if_the_replacement_starts_first() {
    assert_eq!(rolling_restart(true).await, 1000);
}

#[tokio::test(start_paused = true)]
async fn a_rolling_restart_moves_each_slot_twice_at_most() {
    let moved = rolling_restart(false).await;
    assert!(moved <= 2000, "{moved}");
}

#[tokio::test(start_paused = true)]
async fn a_slot_goes_to_and_fro_as_often_as_it_is_asked_to() {
    let cluster = Cluster::new();
    let nodes = [
        ("a", cluster.start("a", &sitters(1))),
        ("b", cluster.start("b", &sitters(1))),
    ];
    until(&cluster.log, "it runs", |shares| shares.len() == 1).await;
    for _ in 0..300 {
        let holder = holders(&cluster.log).into_values().next().unwrap();
        let (_, running) = nodes.iter().find(|(name, _)| *name == holder).unwrap();
        running.handle.quiet();
        until(&cluster.log, "it moves", |shares| {
            shares.len() == 1 && !shares.contains_key(&holder)
        })
        .await;
        running.handle.resume();
    }
}

#[tokio::test(start_paused = true)]
async fn nodes_that_leave_with_empty_hands_say_so_and_freeze_nothing() {
    let cluster = Cluster::new();
    // It leads, and sees them all leave.
    let _a = cluster.start("a", &sitters(6));
    until(&cluster.log, "a has all", is("a", 6)).await;
    let idle: Vec<_> = ["c", "d", "e"]
        .into_iter()
        .map(|name| {
            let node = cluster.start(name, &sitters(6));
            node.handle.quiet();
            node
        })
        .collect();
    let _b = cluster.start("b", &sitters(6));
    until(&cluster.log, "even", |shares| {
        is("a", 3)(shares) && is("b", 3)(shares)
    })
    .await;
    // Three of five gone at once would be a disaster, if they had not said that they leave.
    for node in &idle {
        node.handle.stop();
    }
    for node in idle {
        assert_eq!(node.task.await.unwrap().unwrap(), NodeEnd::Clean);
    }
    let began = Instant::now();
    let _f = cluster.start("f", &sitters(6));
    until(&cluster.log, "f has its share", is("f", 2)).await;
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}
