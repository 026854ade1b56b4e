//! The same against a real etcd, in real time: its limits on transactions, nested ones and leases.

use std::time::{Duration, Instant};

use tests::etcd::Version;

use super::cluster::Cluster;
use super::nodes::{Node, Spec};

#[tokio::test]
async fn on_real_etcd_a_cluster_starts_grows_and_survives_its_leader() {
    let jobs: &[(&str, u32)] = &[("j", 1200)];
    let cluster = Cluster::on_real_etcd(Version::V34).await;
    let mut nodes = Vec::new();
    for node in 0..4 {
        nodes.push(cluster.node(&format!("n{node}"), jobs).await);
    }
    let began = Instant::now();
    let state = cluster
        .until("all is held", |s| s.is_even(1200) && s.standby.is_some())
        .await;
    println!("1,200 slots granted, after {:?}", began.elapsed());
    let before = state.owners();
    let _new = Node::start(&cluster, Spec::new("new", jobs)).await;
    let began = Instant::now();
    let state = cluster
        .until("the newcomer has its share", |s| s.holds("new") == 240)
        .await;
    let took = began.elapsed();
    println!("240 slots moved, after {took:?}");
    assert_eq!(state.moved_since(&before), 240);
    assert!(took > Duration::from_millis(900), "it settled first");

    let leader = nodes
        .iter()
        .position(|n| Some(n.name()) == state.leader.as_deref());
    let leader = nodes.swap_remove(leader.unwrap());
    let began = Instant::now();
    leader.crash().await;
    let state = cluster
        .until("the orphans are held", |s| s.is_even(1200))
        .await;
    println!("240 orphans held by others, after {:?}", began.elapsed());
    assert!(state.leader.is_some());
}
