//! How a session opens, acknowledges notes and closes, on the embedded etcd.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use super::{Opened, Registration, Session};
use crate::clock::Clock;
use crate::coordination::scene::{Scene, member};
use crate::coordination::{ConfigRecord, Entry, Note};
use crate::reports::{LeaseId, Reporter, channel};

fn registration(reporter: Reporter) -> Registration {
    Registration {
        node: "a".into(),
        ttl: Duration::from_secs(10),
        member: member("a"),
        config_hash: "c1".into(),
        config: ConfigRecord {
            jobs: BTreeMap::new(),
        },
        takes_posts: false,
        reporter,
    }
}

async fn member_lease(scene: &Scene) -> Option<LeaseId> {
    let found = scene.etcd.get(&scene.keys.member("a"), 0).await.unwrap();
    found.kvs().first().map(|kv| LeaseId(kv.lease()))
}

#[tokio::test]
async fn nothing_is_put_on_a_lease_before_its_report_has_arrived() {
    let scene = Scene::new().await;
    let (reporter, mut reports) = channel();
    let registration = registration(reporter);
    let clock = Clock::boot();
    let mut open = pin!(Session::open(
        &scene.etcd,
        &scene.keys,
        &registration,
        clock,
        None
    ));
    let report = tokio::select! {
        _ = &mut open => panic!("nothing was reported"),
        report = reports.next() => report.unwrap(),
    };
    assert!(report.suspended, "no worker runs yet");
    // It could go on, but for the report that is still under way.
    let look = async {
        for _ in 0..20 {
            assert_eq!(member_lease(&scene).await, None);
        }
    };
    tokio::select! {
        _ = &mut open => panic!("it did not wait"),
        () = look => {}
    }
    let opened = tokio::select! {
        opened = open => opened.unwrap(),
        _ = reports.next() => panic!("there is no second report"),
    };
    assert!(matches!(opened, (Opened::Session(_), _)));
    assert_eq!(member_lease(&scene).await, report.lease);
}

#[tokio::test]
async fn the_lease_of_a_name_that_is_taken_is_reported_as_gone() {
    let scene = Scene::new().await;
    let first = registration(Reporter::default());
    let (reporter, mut reports) = channel();
    let second = registration(reporter);
    let clock = Clock::boot();
    let open = Session::open(&scene.etcd, &scene.keys, &first, clock, None);
    open.await.unwrap();
    let listen = async {
        while reports
            .next()
            .await
            .is_some_and(|report| report.lease.is_some())
        {}
    };
    let open = Session::open(&scene.etcd, &scene.keys, &second, clock, None);
    let (opened, ()) = tokio::join!(open, listen);
    assert!(matches!(opened.unwrap().0, Opened::NameTaken(_)));
}

#[tokio::test(start_paused = true)]
async fn a_session_is_closed_although_etcd_is_away_for_a_moment() {
    let scene = Scene::new().await;
    let (etcd, link) = scene.faulty().await;
    let registration = registration(Reporter::default());
    let open = Session::open(&etcd, &scene.keys, &registration, Clock::boot(), None);
    let (Opened::Session(session), _) = open.await.unwrap() else {
        panic!("the name is free");
    };
    link.refuse(true);
    let returns = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        link.refuse(false);
    };
    let (closed, ()) = tokio::join!(session.close(), returns);
    closed.unwrap();
    assert_eq!(member_lease(&scene).await, None);
    // Once more does no harm, and one that stays away is not waited for.
    session.close().await.unwrap();
    link.refuse(true);
    let began = tokio::time::Instant::now();
    session.close().await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_note_that_was_put_once_more_since_it_was_seen_stays_or_is_handed_over() {
    let scene = Scene::new().await;
    let registration = registration(Reporter::default());
    let open = Session::open(&scene.etcd, &scene.keys, &registration, Clock::boot(), None);
    let (Opened::Session(session), _) = open.await.unwrap() else {
        panic!("nobody else has the name");
    };
    let key = scene.keys.note("a", 1);
    let put = async || {
        scene.etcd.put(key.clone(), &"note", 0).await;
        let found = scene.etcd.get(&key, 0).await.unwrap();
        Note::from(&Entry::from(&found.kvs()[0]))
    };
    let there = async || !scene.etcd.get(&key, 0).await.unwrap().kvs().is_empty();
    let other = Note {
        key: scene.keys.note("a", 2).into_bytes(),
        revision: 1,
    };
    let (first, second) = (put().await, put().await);
    // Several are compared.
    let unseen = session.acknowledge(&[first.clone(), other]).await.unwrap();
    assert!(unseen.is_empty());
    assert!(there().await);
    // One is taken as it is.
    let unseen = session.acknowledge(&[first]).await.unwrap();
    assert_eq!(unseen[0].mod_revision, second.revision);
    assert!(!there().await);
    let third = put().await;
    let unseen = session.acknowledge(&[third]).await.unwrap();
    assert!(unseen.is_empty());
    assert!(!there().await);
}
