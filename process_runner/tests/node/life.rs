//! A node's life: it takes what is free, runs it, hands it back in order.

use std::time::Duration;

use process_runner::NodeEnd;

use super::cluster::Cluster;

const ENDLESS: &str = "  work: { class: Recorder, workers: 2 }\n";

#[tokio::test(start_paused = true)]
async fn a_node_takes_every_free_slot_and_drains_in_order() {
    let cluster = Cluster::new();
    let node = cluster.start("a", ENDLESS);
    cluster.log.wait_for("begin 1.0").await;
    assert_eq!(node.stop().await, NodeEnd::Clean);
    let lines = cluster.log.lines();
    for index in 0..2 {
        let last = lines
            .iter()
            .rev()
            .find(|line| line.contains(&format!(" {index}")))
            .unwrap();
        assert_eq!(last, &format!("a unlock {index}"), "{lines:#?}");
        let begins = cluster.log.count(&format!("begin {index}."));
        let ends = cluster.log.count(&format!("end {index}."));
        assert_eq!(begins, ends, "a record in hand is finished by a drain");
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_works_for_an_hour_without_losing_its_lease() {
    let cluster = Cluster::new();
    let node = cluster.start("a", "  work: { class: Recorder, interval: 1s }\n");
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(node.stop().await, NodeEnd::Clean);
    assert!(
        cluster.log.count("lock 0") > 2900,
        "{}",
        cluster.log.count("lock 0")
    );
}

#[tokio::test(start_paused = true)]
async fn a_second_press_cancels_the_record_in_hand_and_still_unlocks() {
    let cluster = Cluster::new();
    let slow = "  work: { class: Recorder, options: { record_ms: 1000000 } }\n";
    let node = cluster.start("a", slow);
    cluster.log.wait_for("begin 0.0").await;
    node.handle.stop();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!node.task.is_finished());
    assert_eq!(node.stop().await, NodeEnd::Clean);
    assert_eq!(cluster.log.count("end 0.0"), 0);
    assert_eq!(cluster.log.count("unlock 0"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_drain_that_takes_too_long_cancels_by_itself() {
    let cluster = Cluster::new();
    let slow = "  work: { class: Recorder, options: { record_ms: 1000000 } }\n";
    let node = cluster.start("a", slow);
    cluster.log.wait_for("begin 0.0").await;
    let began = tokio::time::Instant::now();
    assert_eq!(node.stop().await, NodeEnd::Clean);
    let took = began.elapsed();
    assert!(
        took >= Duration::from_secs(30) && took < Duration::from_secs(32),
        "{took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_outage_stops_the_workers_at_their_deadline_and_they_run_again_afterwards() {
    let cluster = Cluster::new();
    let node = cluster.start("a", "  work: { class: Recorder }\n");
    cluster.log.wait_for("begin 0.0").await;
    cluster.etcd.faults().freeze();
    tokio::time::sleep(Duration::from_secs(9)).await;
    let during = cluster.log.lines().len();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        cluster.log.lines().len(),
        during,
        "work went on past the deadline"
    );
    cluster.etcd.faults().thaw();
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(cluster.log.lines().len() > during, "work did not resume");
    assert_eq!(node.stop().await, NodeEnd::Clean);
}

/// What it has cannot be handed to anybody then, and goes with the lease. Whoever stops a node must not have to kill it.
#[tokio::test(start_paused = true)]
async fn a_node_that_is_stopped_while_etcd_is_away_ends_with_its_lease() {
    for refuses in [false, true] {
        let cluster = Cluster::new();
        let slow = "  work: { class: Recorder, options: { record_ms: 3000 } }\n";
        let node = cluster.start("a", slow);
        cluster.log.wait_for("begin 0.0").await;
        match refuses {
            true => cluster.etcd.faults().refuse(true),
            false => cluster.etcd.faults().freeze(),
        }
        let ends = tokio::time::timeout(Duration::from_secs(15), node.stop()).await;
        assert_eq!(ends, Ok(NodeEnd::Clean), "refuses: {refuses}");
        assert_eq!(cluster.log.count("end 0.0"), 1, "the record was finished");
        assert_eq!(cluster.log.count("unlock 0"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_shorter_than_the_validity_left_disturbs_nothing() {
    let cluster = Cluster::new();
    let node = cluster.start(
        "a",
        "  work: { class: Recorder, options: { record_ms: 60000 } }\n",
    );
    cluster.log.wait_for("begin 0.0").await;
    cluster.etcd.faults().freeze();
    tokio::time::sleep(Duration::from_secs(4)).await;
    cluster.etcd.faults().thaw();
    cluster.log.wait_for("end 0.1").await;
    let undisturbed = [
        "a lock 0",
        "a begin 0.0",
        "a end 0.0",
        "a begin 0.1",
        "a end 0.1",
    ];
    assert_eq!(cluster.log.lines()[..5], undisturbed);
    assert_eq!(node.stop().await, NodeEnd::Clean);
}

/// Nodes publish counters only while somebody looks, and whoever looks waits for them: less than a person notices,
/// and not until the next renewal.
#[tokio::test(start_paused = true)]
async fn whoever_looks_has_the_counters_of_a_node_at_once() {
    let cluster = Cluster::new();
    let _node = cluster.start("a", ENDLESS);
    cluster.log.wait_for("begin 1.0").await;
    let prefix = "/process_runner/default";
    let outside = process_runner::cluster::Cluster::on_embedded(&cluster.etcd, prefix);
    let outside = outside.await.unwrap();
    for rest in [Duration::ZERO, Duration::from_secs(10)] {
        tokio::time::sleep(rest).await;
        let began = tokio::time::Instant::now();
        let workers = outside.workers().await.unwrap();
        assert!(workers[0].iterations.is_some(), "{workers:?}");
        let took = began.elapsed();
        assert!(took < Duration::from_millis(500), "{took:?}");
    }
}
