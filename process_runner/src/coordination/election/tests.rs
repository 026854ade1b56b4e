//! Who has which post, when nodes register and leave.

use super::*;
use crate::clock::Clock;
use crate::coordination::scene::{Scene, member};
use crate::coordination::{ConfigRecord, Opened, Registration};

async fn register(scene: &Scene, node: &str, takes_posts: bool) -> Session {
    let registration = Registration {
        node: node.into(),
        ttl: std::time::Duration::from_secs(10),
        member: member(node),
        config_hash: "c1".into(),
        config: ConfigRecord {
            jobs: std::collections::BTreeMap::new(),
        },
        takes_posts,
        reporter: Default::default(),
    };
    let open = Session::open(&scene.etcd, &scene.keys, &registration, Clock::boot(), None);
    match open.await.unwrap().0 {
        Opened::Session(session) => *session,
        Opened::NameTaken(_) => panic!("nobody else has the name"),
    }
}

/// The incarnations of leader and standby.
async fn holders(scene: &Scene) -> [Option<std::sync::Arc<str>>; 2] {
    let read = scene.etcd.range(&scene.keys.posts()).await.unwrap();
    let entries: Vec<_> = read.kvs().iter().map(Entry::from).collect();
    let posts = posts_among(&scene.keys, &entries, 1);
    posts.map(|post| post.holder.map(|holder| holder.incarnation))
}

#[tokio::test(start_paused = true)]
async fn who_registers_takes_one_post_that_is_vacant_and_none_that_the_standby_is_due() {
    let scene = Scene::new().await;
    let bystander = register(&scene, "z", false).await;
    assert_eq!(holders(&scene).await, [None, None]);
    let a = register(&scene, "a", true).await;
    assert_eq!(holders(&scene).await, [Some(a.incarnation.clone()), None]);
    let b = register(&scene, "b", true).await;
    let both = [Some(a.incarnation.clone()), Some(b.incarnation.clone())];
    assert_eq!(holders(&scene).await, both);
    let c = register(&scene, "c", true).await;
    assert_eq!(holders(&scene).await, both);
    // The standby takes over; nobody else does.
    a.close().await.unwrap();
    let d = register(&scene, "d", true).await;
    assert_eq!(holders(&scene).await, [None, Some(b.incarnation.clone())]);
    b.close().await.unwrap();
    let e = register(&scene, "e", true).await;
    assert_eq!(holders(&scene).await, [Some(e.incarnation.clone()), None]);
    drop((bystander, c, d));
}

#[tokio::test(start_paused = true)]
async fn the_registration_says_who_took_the_posts() {
    let scene = Scene::new().await;
    let a = register(&scene, "a", true).await;
    let before = scene.requests.count();
    let mut follower = a.follow(a.keys.posts());
    let Some(crate::coordination::Feed::Snapshot { entries, .. }) = follower.next().await else {
        panic!("the snapshot is the first of all");
    };
    assert_eq!(holder_in(&entries[0]).incarnation, a.incarnation);
    assert_eq!(holder_in(&entries[0]).created, a.member_created);
    assert!(scene.requests.count() - before <= 1, "the watch alone");
}
