//! A range that was read with the registration is followed without a gap.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::clock::Clock;
use crate::coordination::follow::{Change, Feed};
use crate::coordination::scene::{Scene, member};
use crate::coordination::{ConfigRecord, Opened, Registration};
use crate::reports::channel;

#[tokio::test(start_paused = true)]
async fn what_was_there_and_what_came_since_is_seen_and_nothing_is_read_again() {
    let scene = Scene::with(1, &["a"]).await;
    scene.lead("a").await;
    let (reporter, _reports) = channel();
    let registration = Registration {
        node: "b".into(),
        ttl: Duration::from_secs(10),
        member: member("b"),
        config_hash: "c1".into(),
        config: ConfigRecord {
            jobs: BTreeMap::new(),
        },
        takes_posts: false,
        reporter,
    };
    let opened = Session::open(&scene.etcd, &scene.keys, &registration, Clock::boot(), None);
    let (Opened::Session(session), _) = opened.await.unwrap() else {
        panic!("the name is free");
    };
    scene.put(scene.keys.note("b", 1), b"1".to_vec(), 0).await;
    let before = scene.requests.count();
    let mut leader = session.follow(scene.keys.posts());
    let mut inbox = session.follow(scene.keys.inbox("b"));
    assert!(
        matches!(leader.next().await, Some(Feed::Snapshot { entries, .. }) if entries.len() == 1)
    );
    assert!(
        matches!(inbox.next().await, Some(Feed::Snapshot { entries, .. }) if entries.is_empty())
    );
    let changes = tokio::time::timeout(Duration::from_secs(60), inbox.next()).await;
    assert!(matches!(&changes, Ok(Some(Feed::Changes { changes }))
        if matches!(&changes[..], [Change::Put(entry)] if entry.value == b"1")));
    // Two watches and no reads.
    assert_eq!(scene.requests.count() - before, 2);
}
