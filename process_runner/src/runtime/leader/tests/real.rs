//! The same against a real etcd, in real time: its limits on transactions, nested ones and leases.

use std::time::{Duration, Instant};

use tests::etcd::Version;

use super::cluster::Cluster;
use super::continuity::{by_session, created, grant_of, lead};
use super::nodes::{Node, Spec};
use crate::coordination::{Guarded, Order, grants_in_transactions};
use crate::model::Slot;

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

/// Few grants of many slots, and many of one slot: both as large as a transaction may be.
#[tokio::test]
async fn real_etcd_takes_the_largest_transactions_of_grants() {
    for version in tests::etcd::VERSIONS {
        let cluster = Cluster::on_real_etcd(version).await;
        let leader = by_session(&cluster, "leader").await;
        let a = Node::start(&cluster, Spec::new("a", &[("j", 1)]).follows().idle()).await;
        let term = lead(&leader).await;
        let member = created(&cluster, &a).await;
        let grant = |slots: std::ops::Range<u32>| {
            let mut grant = grant_of(&a, member, Order::default());
            grant.slots = slots.map(|index| Slot::new("j", index)).collect();
            grant
        };
        // The first transactions are small.
        let few = grants_in_transactions(vec![grant(0..23 * 118)]);
        let many = (23 * 118..).take(125).map(|index| grant(index..index + 1));
        let many = many.collect();
        let many = grants_in_transactions(many);
        let sizes = [&few, &many].map(|chunks| chunks.iter().map(Vec::len).collect::<Vec<_>>());
        assert_eq!(sizes, [vec![1, 3, 5, 6, 8], vec![125]]);
        for grants in [few, many].concat() {
            let granted = leader.session.grant(term, &grants).await.unwrap();
            let Guarded::Done(granted) = granted else {
                panic!("deposed");
            };
            assert!(granted.iter().all(|granted| *granted), "{version:?}");
        }
        assert_eq!(
            cluster.state().await.holds("a"),
            23 * 118 + 125,
            "{version:?}"
        );
    }
}
