//! A snapshot is of one revision, and holds nothing of processes that are gone.

use etcd_client::{Txn, TxnOp};

use super::*;
use crate::coordination::records::{Order, encode};
use crate::coordination::scene::{Scene, indexes, member};

#[tokio::test(start_paused = true)]
async fn what_changes_together_is_seen_together() {
    let scene = Scene::with(1, &["a"]).await;
    let (etcd, keys) = (scene.etcd.clone(), scene.keys.clone());
    // The override and the status change in one transaction, in two ranges.
    let mover = tokio::spawn(async move {
        for step in 0..500u32 {
            let set = OverrideRecord {
                workers: Some(step),
                ..OverrideRecord::default()
            };
            let status = StatusRecord {
                incarnation: step.to_string(),
                ..StatusRecord::default()
            };
            let puts = [
                TxnOp::put(keys.job("work"), encode(&set), None),
                TxnOp::put(keys.status("a"), encode(&status), None),
            ];
            etcd.txn(Txn::new().and_then(puts)).await.unwrap();
        }
    });
    while !mover.is_finished() {
        let cluster = scene.snapshot().await;
        let set = cluster.overrides.get("work").and_then(|set| set.workers);
        let status = cluster.statuses.get("a").map(|it| it.incarnation.clone());
        assert_eq!(set.map(|step| step.to_string()), status);
    }
    mover.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_plan_for_an_earlier_process_is_left_out() {
    let mut scene = Scene::with(1, &["a", "b"]).await;
    scene.plan("a", indexes("work", [0])).await;
    assert_eq!(scene.snapshot().await.plans.len(), 1);
    let old = PlanRecord {
        incarnation: "an earlier one".into(),
        ordered: Order::default(),
        ..PlanRecord::default()
    };
    scene.put(scene.keys.plan("b"), encode(&old), 0).await;
    assert_eq!(scene.snapshot().await.plans.len(), 1);
    scene.leave("b").await;
    scene.join("c", member("c")).await;
    assert_eq!(scene.snapshot().await.plans.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_left_out_and_named_unless_nothing_can_be_said_without_it() {
    let scene = Scene::with(1, &["a"]).await;
    let (keys, rubbish) = (&scene.keys, || b"{rubbish".to_vec());
    let bad = [
        keys.config("c2"),
        keys.job("work"),
        keys.member("b"),
        keys.plan("a"),
        keys.slot(&Slot::new("work", 0)),
        keys.status("a"),
    ];
    for key in &bad {
        scene.put(key.clone(), rubbish(), 0).await;
    }
    let cluster = scene.snapshot().await;
    assert_eq!(
        cluster.members.keys().map(|it| &**it).collect::<Vec<_>>(),
        ["a"]
    );
    let mut named: Vec<_> = cluster.unreadable.iter().map(|it| it.key.clone()).collect();
    named.sort();
    let mut bad = bad.to_vec();
    bad.sort();
    assert_eq!(named, bad);
    let slots = cluster.unreadable.iter().filter_map(|it| it.slot.clone());
    assert_eq!(slots.collect::<Vec<_>>(), [Slot::new("work", 0)]);

    scene.put(keys.meta(), rubbish(), 0).await;
    let blind = read_cluster(&scene.etcd, keys).await;
    assert!(matches!(blind, Err(CoordinationError::Malformed { .. })));
}
