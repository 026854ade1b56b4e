//! Notes of slots as the network may bring them: a copy of a grant that took effect before.

use std::time::Duration;

use etcd_client::{Client, Event, EventType, PutOptions, Txn, TxnOp, WatchStream};
use process_runner::NodeEnd;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::cluster::Cluster;

const RECORDER: &str = "  tasks: { class: Recorder }\n";
const PREFIX: &str = "/process_runner/default";

async fn read(client: &mut Client, key: &str) -> Option<(Value, i64)> {
    let found = client.get(format!("{PREFIX}/{key}"), None).await.unwrap();
    let kv = found.kvs().first()?;
    Some((serde_json::from_slice(kv.value()).unwrap(), kv.lease()))
}

/// Index 7 of `tasks`, which has one worker: it is granted to be unlocked only. Always the same
/// transaction.
async fn grant(client: &mut Client) {
    let (member, lease) = read(client, "members/a").await.unwrap();
    let ordered = json!({"term": 1, "generation": 1});
    let slot = json!({
        "owner": "a",
        "incarnation": member["incarnation"],
        "nonce": "77",
        "ordered": ordered,
        "retiring": true,
    });
    let slots = json!({"tasks": "7"});
    let note = json!({"note": "arrived", "slots": slots, "ordered": ordered, "retiring": true});
    let put = |key: &str, value: Value| {
        let on_lease = PutOptions::new().with_lease(lease);
        TxnOp::put(format!("{PREFIX}/{key}"), value.to_string(), Some(on_lease))
    };
    let txn = Txn::new().and_then([put("slots/tasks/7", slot), put("inbox/a/77", note)]);
    assert!(client.txn(txn).await.unwrap().succeeded());
}

/// Watches `key` until it is deleted, which has to come about `soon`.
async fn until_deleted(watch: &mut WatchStream, key: &str, soon: Instant) {
    loop {
        let heard = timeout_at(soon, watch.message()).await;
        let heard = heard.unwrap_or_else(|_| panic!("{key} stays"));
        let heard = heard.unwrap().unwrap();
        let deleted = |event: &Event| event.event_type() == EventType::Delete;
        if heard.events().iter().any(deleted) {
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_comes_again_by_a_copy_of_its_grant_is_taken_again() {
    let cluster = Cluster::new();
    let node = cluster.start("a", RECORDER);
    cluster.log.wait_for("begin 0.0").await;
    let mut client = Client::from_channel(cluster.etcd.channel(), None)
        .await
        .unwrap();
    for times in 1..=3 {
        let mut watches = Vec::new();
        for key in ["slots/tasks/7", "inbox/a/77"] {
            let watch = client.watch(format!("{PREFIX}/{key}"), None).await.unwrap();
            watches.push((watch, key));
        }
        grant(&mut client).await;
        let soon = Instant::now() + Duration::from_secs(1);
        for (watch, key) in &mut watches {
            until_deleted(watch, key, soon).await;
        }
        assert_eq!(cluster.log.count("a unlock 7"), times);
    }
    assert_eq!(node.stop().await, NodeEnd::Clean);
}
