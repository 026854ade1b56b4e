//! Each fault does what it says, to those it is meant for.

use super::*;

fn etcd() -> EmbeddedEtcd {
    EmbeddedEtcd::in_memory(EmbeddedOptions::default())
}

async fn within<T>(millis: u64, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(Duration::from_millis(millis), work)
        .await
        .ok()
}

#[tokio::test(start_paused = true)]
async fn a_frozen_server_runs_a_request_whose_client_gave_up() {
    let etcd = etcd();
    let mut client = client(&etcd).await;
    etcd.faults().freeze();
    assert!(within(5_000, client.put("k", "late", None)).await.is_none());
    etcd.faults().thaw();
    let found = client.get("k", None).await.unwrap();
    assert_eq!(found.kvs()[0].value(), b"late");
}

#[tokio::test(start_paused = true)]
async fn leases_do_not_expire_while_frozen_and_do_after() {
    let etcd = etcd();
    let mut client = client(&etcd).await;
    let lease = client.lease_grant(5, None).await.unwrap().id();
    let options = PutOptions::new().with_lease(lease);
    client.put("k", "", Some(options)).await.unwrap();
    etcd.faults().freeze();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(etcd.faults().live_keys(), 1);
    etcd.faults().thaw();
    tokio::time::sleep(Duration::from_millis(501)).await;
    assert_eq!(etcd.faults().live_keys(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_link_cuts_off_one_client_and_its_lease_runs_out() {
    let etcd = etcd();
    let (channel, link) = etcd.faulty_channel();
    let mut cut = Client::from_channel(channel, None).await.unwrap();
    let mut other = client(&etcd).await;
    let lease = cut.lease_grant(5, None).await.unwrap().id();
    let options = PutOptions::new().with_lease(lease);
    cut.put("k", "", Some(options)).await.unwrap();
    let (mut keeper, mut acks) = cut.lease_keep_alive(lease).await.unwrap();
    link.freeze();
    keeper.keep_alive().await.unwrap();
    assert!(within(6_000, acks.message()).await.is_none());
    assert_eq!(other.get("k", None).await.unwrap().count(), 0);
    link.thaw();
    assert_eq!(acks.message().await.unwrap().unwrap().ttl(), 0);
}

#[tokio::test(start_paused = true)]
async fn refusing_fails_calls_and_cuts_streams() {
    let etcd = etcd();
    let mut client = client(&etcd).await;
    let mut watch = client.watch("k", None).await.unwrap();
    watch.message().await.unwrap();
    etcd.faults().refuse(true);
    assert!(client.put("k", "", None).await.is_err());
    assert!(watch.message().await.is_err());
    etcd.faults().refuse(false);
    assert_eq!(client.get("k", None).await.unwrap().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_belongs_to_a_write_that_happened() {
    let etcd = etcd();
    let mut client = client(&etcd).await;
    etcd.faults().lose_next_reply(LostReply::Error);
    assert!(client.put("k", "1", None).await.is_err());
    etcd.faults().lose_next_reply(LostReply::Silence);
    assert!(within(60_000, client.put("k", "2", None)).await.is_none());
    let found = client.get("k", None).await.unwrap();
    assert_eq!(found.kvs()[0].value(), b"2");
    client.put("k", "3", None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_delay_is_added_to_each_call() {
    let etcd = etcd();
    let mut client = client(&etcd).await;
    etcd.faults().delay(Duration::from_millis(700));
    assert!(within(699, client.get("k", None)).await.is_none());
    assert!(within(701, client.get("k", None)).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_raises_the_term_and_gives_leases_their_full_time() {
    let etcd = etcd();
    let mut client = client(&etcd).await;
    let granted = client.lease_grant(10, None).await.unwrap();
    let term = granted.header().unwrap().raft_term();
    tokio::time::sleep(Duration::from_secs(9)).await;
    etcd.faults().change_leader();
    tokio::time::sleep(Duration::from_secs(9)).await;
    let left = client.lease_time_to_live(granted.id(), None).await.unwrap();
    assert_eq!((left.ttl(), left.granted_ttl()), (1, 10));
    assert_eq!(left.header().unwrap().raft_term(), term + 1);
}

#[tokio::test(start_paused = true)]
async fn a_leap_of_the_servers_clock_ends_leases_early() {
    let etcd = etcd();
    let mut client = client(&etcd).await;
    let lease = client.lease_grant(100, None).await.unwrap().id();
    etcd.faults().skew_clock(Duration::from_secs(99));
    tokio::time::sleep(Duration::from_millis(900)).await;
    let left = client.lease_time_to_live(lease, None).await.unwrap();
    assert_eq!(left.ttl(), 0);
    tokio::time::sleep(Duration::from_millis(700)).await;
    let left = client.lease_time_to_live(lease, None).await.unwrap();
    assert_eq!(left.ttl(), -1);
}

#[tokio::test(start_paused = true)]
async fn the_server_ends_with_its_last_channel() {
    let etcd = etcd();
    let node = Arc::downgrade(etcd.node());
    let channel = etcd.channel();
    let mut client = Client::from_channel(channel, None).await.unwrap();
    drop(etcd);
    client.put("k", "", None).await.unwrap();
    let mut watch = client.watch("k", None).await.unwrap();
    watch.message().await.unwrap();
    drop(client);
    assert!(watch.message().await.is_err(), "the server is gone");
    drop(watch);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(node.upgrade().is_none(), "a task is left");
}

#[tokio::test(start_paused = true)]
async fn a_stale_leader_acknowledges_in_the_old_term_and_renews_nothing() {
    let etcd = etcd();
    let (channel, link) = etcd.faulty_channel();
    let mut client = Client::from_channel(channel, None).await.unwrap();
    let granted = client.lease_grant(5, None).await.unwrap();
    let (term, lease) = (granted.header().unwrap().raft_term(), granted.id());
    let (mut keeper, mut acks) = client.lease_keep_alive(lease).await.unwrap();
    etcd.faults().make_leader_stale(&link);
    etcd.faults().change_leader();
    tokio::time::sleep(Duration::from_secs(4)).await;
    keeper.keep_alive().await.unwrap();
    let ack = acks.message().await.unwrap().unwrap();
    assert_eq!((ack.ttl(), ack.header().unwrap().raft_term()), (5, term));
    let barrier = client.txn(Txn::new()).await.unwrap();
    assert_eq!(barrier.header().unwrap().raft_term(), term + 1);
    tokio::time::sleep(Duration::from_millis(1_501)).await;
    let left = client.lease_time_to_live(lease, None).await.unwrap();
    assert_eq!(left.ttl(), -1, "renewed by a stale leader");
}

#[tokio::test(start_paused = true)]
async fn without_a_quorum_renewals_are_acknowledged_and_nothing_else_happens() {
    let etcd = etcd();
    let mut client = client(&etcd).await;
    let lease = client.lease_grant(5, None).await.unwrap().id();
    let options = PutOptions::new().with_lease(lease);
    client.put("k", "", Some(options)).await.unwrap();
    let (mut keeper, mut acks) = client.lease_keep_alive(lease).await.unwrap();
    etcd.faults().lose_quorum(true);
    keeper.keep_alive().await.unwrap();
    assert_eq!(acks.message().await.unwrap().unwrap().ttl(), 5);
    assert!(within(60_000, client.get("k", None)).await.is_none());
    assert_eq!(etcd.faults().live_keys(), 1, "expired without a quorum");
    etcd.faults().lose_quorum(false);
    tokio::time::sleep(Duration::from_millis(501)).await;
    assert_eq!(etcd.faults().live_keys(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_full_database_keeps_holders_and_lets_them_release() {
    let etcd = etcd();
    let mut client = client(&etcd).await;
    let lease = client.lease_grant(5, None).await.unwrap().id();
    client.put("k", "", None).await.unwrap();
    etcd.faults().no_space(true);
    let text = client.put("k", "", None).await.unwrap_err().to_string();
    assert!(text.contains("mvcc: database space exceeded"), "{text}");
    assert!(client.lease_grant(5, None).await.is_err());
    let puts = Txn::new().and_then([TxnOp::put("k", "", None)]);
    assert!(client.txn(puts).await.is_err());
    let deletes = Txn::new().and_then([TxnOp::delete("k", None), TxnOp::get("k", None)]);
    assert!(client.txn(deletes).await.unwrap().succeeded());
    client.lease_keep_alive(lease).await.unwrap();
    client.lease_revoke(lease).await.unwrap();
    etcd.faults().no_space(false);
    client.put("k", "", None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_wiped_server_starts_over_and_cuts_its_streams() {
    let etcd = etcd();
    let mut client = client(&etcd).await;
    let before = client.put("k", "", None).await.unwrap();
    let before = before.header().unwrap().cluster_id();
    let mut watch = client.watch("k", None).await.unwrap();
    watch.message().await.unwrap();
    for keep_ids in [true, false] {
        assert!(etcd.faults().wipe(keep_ids));
        let found = client.get("k", None).await.unwrap();
        let header = found.header().unwrap();
        assert_eq!((found.count(), header.revision()), (0, 1));
        assert_eq!(header.cluster_id() == before, keep_ids);
    }
    assert!(watch.message().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_server_stops_while_it_is_frozen() {
    let etcd = etcd();
    let node = Arc::downgrade(etcd.node());
    let mut waiting = client(&etcd).await;
    let mut watch = waiting.watch("k", None).await.unwrap();
    watch.message().await.unwrap();
    waiting.lease_grant(1, None).await.unwrap();
    etcd.faults().freeze();
    let call = tokio::spawn(async move { waiting.put("k", "", None).await });
    tokio::time::sleep(Duration::from_secs(5)).await;
    etcd.shutdown().await;
    assert!(call.await.unwrap().is_err());
    assert!(watch.message().await.is_err());
    drop((etcd, watch));
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(node.upgrade().is_none(), "a task is left");
}
