//! Overrides on an embedded etcd: none is lost, none is applied twice.

use super::*;
use crate::coordination::scene::Scene;
use crate::embedded::LostReply;

fn plus(count: u32) -> impl Fn(&OverrideRecord) -> Option<OverrideRecord> {
    move |now| {
        Some(OverrideRecord {
            workers: Some(now.workers.unwrap_or(0) + count),
            ..now.clone()
        })
    }
}

fn workers(changed: &Changed) -> (Option<u32>, Option<u32>) {
    match changed {
        Changed::Done { before, after } => (before.workers, after.workers),
        Changed::Refused { before } => (before.workers, None),
    }
}

#[tokio::test(start_paused = true)]
async fn two_at_once_add_up() {
    let scene = Scene::new().await;
    let (etcd, keys) = (&scene.etcd, &scene.keys);
    let one = || change_override(etcd, keys, "work", plus(1));
    let (a, b, c) = tokio::join!(one(), one(), one());
    let mut seen = [a, b, c].map(|changed| workers(&changed.unwrap()));
    seen.sort();
    assert_eq!(
        seen,
        [(None, Some(1)), (Some(1), Some(2)), (Some(2), Some(3))]
    );
    assert_eq!(scene.override_of("work").await.unwrap().workers, Some(3));
}

#[tokio::test(start_paused = true)]
async fn a_change_whose_answer_was_lost_is_made_once() {
    for lost in [LostReply::Error, LostReply::Silence] {
        let scene = Scene::new().await;
        let (etcd, link) = scene.faulty().await;
        link.lose_next_reply(lost);
        let changed = change_override(&etcd, &scene.keys, "work", plus(2)).await;
        assert_eq!(workers(&changed.unwrap()), (None, Some(2)));
        assert_eq!(scene.override_of("work").await.unwrap().workers, Some(2));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_written_over_after_a_lost_answer_is_unclear_and_not_repeated() {
    let scene = Scene::new().await;
    let (etcd, link) = scene.faulty().await;
    link.lose_next_reply(LostReply::Silence);
    let keys = scene.keys.clone();
    let other = async {
        // Between the put and its repetition: the first one is there, and its answer never comes.
        while scene.override_of("work").await.is_none() {
            tokio::task::yield_now().await;
        }
        let record = OverrideRecord {
            workers: Some(7),
            nonce: "theirs".into(),
            ..OverrideRecord::default()
        };
        scene.set("work", &record).await;
    };
    let (changed, ()) = tokio::join!(change_override(&etcd, &keys, "work", plus(1)), other);
    let error = changed.unwrap_err();
    assert!(
        matches!(error, CoordinationError::Unclear { .. }),
        "{error}"
    );
    assert_eq!(scene.override_of("work").await.unwrap().workers, Some(7));
}

#[tokio::test(start_paused = true)]
async fn an_override_that_holds_nothing_is_deleted() {
    let scene = Scene::new().await;
    let (etcd, keys) = (&scene.etcd, &scene.keys);
    change_override(etcd, keys, "work", plus(1)).await.unwrap();
    let reset = |now: &OverrideRecord| {
        Some(OverrideRecord {
            workers: None,
            ..now.clone()
        })
    };
    let changed = change_override(etcd, keys, "work", reset).await.unwrap();
    assert_eq!(workers(&changed), (Some(1), None));
    assert_eq!(scene.override_of("work").await, None);
}

#[tokio::test(start_paused = true)]
async fn what_changes_nothing_writes_nothing() {
    let scene = Scene::new().await;
    let before = scene.snapshot().await.revision;
    let (etcd, keys) = (&scene.etcd, &scene.keys);
    let same = change_override(etcd, keys, "work", |now| Some(now.clone())).await;
    assert!(matches!(same, Ok(Changed::Done { .. })));
    let refused = change_override(etcd, keys, "work", |_| None).await;
    assert!(matches!(refused, Ok(Changed::Refused { .. })));
    assert_eq!(scene.snapshot().await.revision, before);
}
