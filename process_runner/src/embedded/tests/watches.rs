//! Watch streams that are slow, quiet, or behind.

use super::*;

fn etcd(options: EmbeddedOptions) -> EmbeddedEtcd {
    EmbeddedEtcd::in_memory(options)
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_does_not_read_gets_everything_from_history() {
    let etcd = etcd(EmbeddedOptions::default());
    let mut client = client(&etcd).await;
    let mut watch = client.watch("k", None).await.unwrap();
    watch.message().await.unwrap();
    for value in 0..2_000 {
        client.put("k", value.to_string(), None).await.unwrap();
    }
    let mut expected = 2;
    let mut messages = 0;
    while expected < 2_002 {
        let message = watch.message().await.unwrap().unwrap();
        messages += 1;
        for event in message.events() {
            assert_eq!(event.kv().unwrap().mod_revision(), expected);
            expected += 1;
        }
        assert!(message.header().unwrap().revision() >= expected - 1);
    }
    assert!(messages < 300, "{messages} messages: nothing was batched");
}

#[tokio::test(start_paused = true)]
async fn a_watcher_behind_a_compaction_is_told_and_ends() {
    let etcd = etcd(EmbeddedOptions::default().history_revisions(100));
    let mut client = client(&etcd).await;
    let mut watch = client.watch("k", None).await.unwrap();
    watch.message().await.unwrap();
    for value in 0..1_000 {
        client.put("k", value.to_string(), None).await.unwrap();
    }
    let mut last = 1;
    loop {
        let message = watch.message().await.unwrap().unwrap();
        if message.canceled() {
            assert!(message.compact_revision() > last);
            return;
        }
        for event in message.events() {
            let revision = event.kv().unwrap().mod_revision();
            assert_eq!(revision, last + 1);
            last = revision;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn progress_notices_come_when_nothing_else_does() {
    let minute = Duration::from_secs(60);
    let etcd = etcd(EmbeddedOptions::default().progress_interval(minute));
    let mut client = client(&etcd).await;
    let options = WatchOptions::new().with_progress_notify();
    let mut watch = client.watch("k", Some(options)).await.unwrap();
    watch.message().await.unwrap();
    client.put("elsewhere", "", None).await.unwrap();
    let began = tokio::time::Instant::now();
    let notice = watch.message().await.unwrap().unwrap();
    assert_eq!(began.elapsed().as_secs(), 60);
    assert_eq!((notice.watch_id(), notice.events().len()), (0, 0));
    assert_eq!(notice.header().unwrap().revision(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_about_progress_comes_after_all_it_covers() {
    let etcd = etcd(EmbeddedOptions::default());
    let mut client = client(&etcd).await;
    let mut watch = client.watch("k", None).await.unwrap();
    watch.message().await.unwrap();
    for round in 0..50 {
        let revision = client.put("k", round.to_string(), None).await.unwrap();
        let revision = revision.header().unwrap().revision();
        watch.request_progress().await.unwrap();
        let event = watch.message().await.unwrap().unwrap();
        assert_eq!(event.events()[0].kv().unwrap().mod_revision(), revision);
        let progress = watch.message().await.unwrap().unwrap();
        assert_eq!((progress.watch_id(), progress.events().len()), (-1, 0));
        assert_eq!(progress.header().unwrap().revision(), revision);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_at_the_compacted_revision_is_still_shown() {
    // etcd before 3.4.36 and 3.5.18 loses it.
    let etcd = etcd(EmbeddedOptions::default());
    let mut client = client(&etcd).await;
    client.put("k", "", None).await.unwrap();
    let deleted = client.delete("k", None).await.unwrap();
    let deleted = deleted.header().unwrap().revision();
    client.compact(deleted, None).await.unwrap();
    let options = WatchOptions::new().with_start_revision(deleted);
    let mut watch = client.watch("k", Some(options)).await.unwrap();
    watch.message().await.unwrap();
    let message = watch.message().await.unwrap().unwrap();
    assert_eq!(message.events()[0].kv().unwrap().mod_revision(), deleted);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_behind_by_much_data_gets_each_revision_once() {
    let etcd = etcd(EmbeddedOptions::default());
    let mut writer = client(&etcd).await;
    let (channel, link) = etcd.faulty_channel();
    let mut reader = Client::from_channel(channel, None).await.unwrap();
    let options = Some(WatchOptions::new().with_prefix());
    let mut watch = reader.watch("k", options).await.unwrap();
    watch.message().await.unwrap();
    link.freeze();
    // Ten of them fill what one pull may copy, and there are fewer than what is batched.
    for turn in 0..50 {
        let ops = ["k1", "k2"].map(|key| TxnOp::put(key, vec![turn; 60_000], None));
        writer.txn(Txn::new().and_then(ops)).await.unwrap();
    }
    link.thaw();
    for revision in 2..52 {
        let message = watch.message().await.unwrap().unwrap();
        assert_eq!(message.header().unwrap().revision(), revision);
        let events = message.events().iter();
        let revisions: Vec<_> = events
            .map(|event| event.kv().unwrap().mod_revision())
            .collect();
        assert_eq!(revisions, [revision, revision], "split, missing or twice");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_does_not_keep_the_server() {
    let etcd = etcd(EmbeddedOptions::default());
    let node = Arc::downgrade(etcd.node());
    let mut client = client(&etcd).await;
    let watch = client.watch("k", None).await.unwrap();
    for _ in 0..500 {
        client.put("k", "", None).await.unwrap();
    }
    drop((client, etcd));
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(node.upgrade().is_none(), "a task is left");
    drop(watch);
}
