//! `until_idle`: each worker drains once, then the node ends by itself.

use process_runner::NodeEnd;

use super::cluster::Cluster;

#[tokio::test(start_paused = true)]
async fn a_node_ends_once_every_worker_met_an_empty_batch() {
    let cluster = Cluster::new();
    let jobs = "  work: { class: Recorder, workers: 5, options: { batches: 3 } }\n";
    let node = Cluster::run(cluster.node("a", jobs).until_idle(true));
    assert_eq!(node.task.await.unwrap().unwrap(), NodeEnd::Clean);
    assert_eq!(cluster.log.count(" lock"), 15);
    assert_eq!(cluster.log.count("empty"), 5);
    assert_eq!(cluster.log.count("unlock"), 20);
}

#[tokio::test(start_paused = true)]
async fn a_cap_makes_the_workers_take_turns() {
    let cluster = Cluster::new();
    let jobs =
        "  work: { class: Recorder, workers: 5, max_per_node: 2, options: { batches: 1 } }\n";
    let node = Cluster::run(cluster.node("a", jobs).until_idle(true));
    assert_eq!(node.task.await.unwrap().unwrap(), NodeEnd::Clean);
    for index in 0..5 {
        assert_eq!(cluster.log.count(&format!("empty {index}")), 1);
    }
}
