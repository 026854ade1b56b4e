//! The server through an unmodified etcd-client, in process, under paused time.

use std::time::{Duration, Instant as WallInstant};

use etcd_client::{Client, Compare, CompareOp, PutOptions, Txn, TxnOp, WatchOptions};

use super::*;

mod durable;
mod faults;
mod watches;

async fn client(etcd: &EmbeddedEtcd) -> Client {
    Client::from_channel(etcd.channel(), None).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_client_puts_gets_compares_and_watches() {
    let etcd = EmbeddedEtcd::in_memory(EmbeddedOptions::default());
    let mut client = client(&etcd).await;
    let mut watch = client
        .watch("k", Some(WatchOptions::new().with_prefix()))
        .await
        .unwrap();
    let created = watch.message().await.unwrap().unwrap();
    assert!(created.created());

    let put = client.put("k1", "a", None).await.unwrap();
    assert_eq!(put.header().unwrap().revision(), 2);
    let txn = Txn::new()
        .when([Compare::value("k1", CompareOp::Equal, "a")])
        .and_then([TxnOp::put("k2", "b", None), TxnOp::get("k1", None)]);
    let reply = client.txn(txn).await.unwrap();
    assert!(reply.succeeded());

    let first = watch.message().await.unwrap().unwrap();
    assert_eq!(first.events()[0].kv().unwrap().key(), b"k1");
    let second = watch.message().await.unwrap().unwrap();
    assert_eq!(second.header().unwrap().revision(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_lease_renewed_for_an_hour_holds_its_key_and_then_ends_on_time() {
    let began = WallInstant::now();
    let etcd = EmbeddedEtcd::in_memory(EmbeddedOptions::default());
    let mut client = client(&etcd).await;
    let lease = client.lease_grant(10, None).await.unwrap().id();
    let options = PutOptions::new().with_lease(lease);
    client.put("held", "", Some(options)).await.unwrap();
    let (mut keeper, mut acks) = client.lease_keep_alive(lease).await.unwrap();
    for _ in 0..1800 {
        tokio::time::sleep(Duration::from_secs(2)).await;
        keeper.keep_alive().await.unwrap();
        assert_eq!(acks.message().await.unwrap().unwrap().ttl(), 10);
    }
    assert_eq!(client.get("held", None).await.unwrap().count(), 1);
    tokio::time::sleep(Duration::from_millis(9_999)).await;
    assert_eq!(client.get("held", None).await.unwrap().count(), 1);
    tokio::time::sleep(Duration::from_millis(502)).await;
    assert_eq!(client.get("held", None).await.unwrap().count(), 0);
    assert!(began.elapsed() < Duration::from_secs(10));
}
