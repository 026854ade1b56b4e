//! One suite for both stores: what a job relies on holds in SQLite and in PostgreSQL alike.

#![allow(clippy::unwrap_used, reason = "a test that fails should say where")]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::future::Future;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::task::Poll;

use process_queue::digest::Digest;
use process_queue::store::{Holder, Outcome, Progress, QueueRecord, Store, StoreError};
use tempfile::TempDir;
use tests::postgres::Postgres;

#[tokio::test]
async fn sqlite_keeps_the_promises() {
    let dir = TempDir::new().unwrap();
    suite(|name| format!("sqlite:{}", dir.path().join(name).display())).await;
}

#[tokio::test]
async fn postgres_keeps_the_promises() {
    let server = Postgres::start().unwrap();
    suite(|name| server.database(name).unwrap()).await;
}

/// Each promise meets a store of its own.
async fn suite(url: impl Fn(&str) -> String) {
    let open = async |name: &str| Store::open(&url(name)).await.unwrap();
    many_open_at_once(&url("opened")).await;
    filling_again_adds_what_is_missing(&url("filled")).await;
    names_need_not_be_text(open("names").await).await;
    no_two_workers_get_one_record(open("disjoint").await).await;
    the_next_holder_of_the_index_gets_what_was_left(open("left").await).await;
    a_late_holder_is_refused(open("late").await).await;
    a_result_counts_once_and_from_its_holder_alone(open("result").await).await;
    another_index_unlocks_nothing(open("unlock").await).await;
    unlocking_frees_what_earlier_holders_left(open("retired").await).await;
    one_unreadable_file_does_not_stop_the_others(open("failed").await).await;
    a_dropped_call_leaves_no_lock_behind(open("dropped").await).await;
}

fn holder(worker: u32, fence: u64) -> Holder<'static> {
    Holder {
        job: "queue",
        worker,
        fence,
    }
}

/// A holding that has begun.
async fn begin(store: &Store, worker: u32, fence: u64) -> Holder<'static> {
    let holder = holder(worker, fence);
    store.advance(holder).await.unwrap();
    holder
}

fn is_superseded<T: std::fmt::Debug>(result: Result<T, StoreError>, later: u64) {
    match result {
        Err(StoreError::Superseded {
            worker: 0,
            fence: 5,
            found,
        }) if found == later => {}
        other => panic!("{other:?}"),
    }
}

fn done(record: &QueueRecord) -> Outcome {
    Outcome {
        id: record.id,
        result: Ok(Digest {
            sha256: format!("{:064x}", record.id),
            size: 3,
        }),
    }
}

fn paths(records: &[QueueRecord]) -> BTreeSet<PathBuf> {
    records.iter().map(|r| r.path.clone()).collect()
}

/// A tree of `count` files whose queue is filled.
async fn fill(store: &Store, count: usize) -> TempDir {
    let tree = TempDir::new().unwrap();
    for at in 0..count {
        std::fs::write(tree.path().join(format!("{at:03}")), "abc").unwrap();
    }
    assert_eq!(
        store.fill_once("queue", tree.path()).await.unwrap(),
        count as u64
    );
    tree
}

async fn many_open_at_once(url: &str) {
    let opening: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn({
                let url = url.to_owned();
                async move { Store::open(&url).await.map(drop) }
            })
        })
        .collect();
    for opened in opening {
        opened.await.unwrap().unwrap();
    }
}

async fn filling_again_adds_what_is_missing(url: &str) {
    let first = Store::open(url).await.unwrap();
    let tree = fill(&first, 3).await;
    assert_eq!(first.fill_once("queue", tree.path()).await.unwrap(), 0);

    std::fs::create_dir(tree.path().join("sub")).unwrap();
    std::fs::write(tree.path().join("sub/new"), "abc").unwrap();
    std::os::unix::fs::symlink("new", tree.path().join("sub/link")).unwrap();
    let second = Store::open(url).await.unwrap();
    assert_eq!(second.fill_once("queue", tree.path()).await.unwrap(), 1);
    assert_eq!(second.fill_once("other", tree.path()).await.unwrap(), 4);

    let nowhere = second
        .fill_once("queue", Path::new("/nowhere/at/all"))
        .await;
    assert!(matches!(nowhere, Err(StoreError::Source(_))), "{nowhere:?}");
}

async fn names_need_not_be_text(store: Store) {
    let tree = TempDir::new().unwrap();
    let name = OsStr::from_bytes(b"\xff\n\\'\" x");
    std::fs::write(tree.path().join(name), "abc").unwrap();
    store.fill_once("queue", tree.path()).await.unwrap();
    let holder = begin(&store, 0, 1).await;
    let records = store.lock(holder, 10).await.unwrap();
    assert_eq!(records[0].path, tree.path().join(name));
}

async fn no_two_workers_get_one_record(store: Store) {
    let _tree = fill(&store, 100).await;
    let workers: Vec<_> = (0..8)
        .map(|worker| {
            tokio::spawn({
                let store = store.clone();
                async move {
                    let mut mine = Vec::new();
                    let holder = begin(&store, worker, 1).await;
                    loop {
                        let batch = store.lock(holder, 7).await.unwrap();
                        if batch.is_empty() {
                            return mine;
                        }
                        let outcomes: Vec<_> = batch.iter().map(done).collect();
                        let ours = store.complete(holder, &outcomes).await.unwrap();
                        assert_eq!(ours, batch.len() as u64);
                        mine.extend(batch);
                    }
                }
            })
        })
        .collect();
    let mut all = Vec::new();
    for worker in workers {
        all.extend(worker.await.unwrap());
    }
    assert_eq!(
        all.len(),
        100,
        "some record was handed out twice or not at all"
    );
    assert_eq!(paths(&all).len(), 100);
}

async fn the_next_holder_of_the_index_gets_what_was_left(store: Store) {
    let _tree = fill(&store, 10).await;
    let left = store.lock(begin(&store, 2, 5).await, 4).await.unwrap();

    let other = store.lock(begin(&store, 1, 6).await, 3).await.unwrap();
    assert!(
        paths(&other).is_disjoint(&paths(&left)),
        "another index took them"
    );
    let next = store.lock(begin(&store, 2, 7).await, 6).await.unwrap();
    assert_eq!(next.len(), 6);
    assert!(
        paths(&next).is_superset(&paths(&left)),
        "what was left comes first"
    );
}

/// Whatever a holder calls after a later one has begun, even before that one has done anything.
async fn a_late_holder_is_refused(store: Store) {
    let _tree = fill(&store, 3).await;
    let late = begin(&store, 0, 5).await;
    let batch = store.lock(late, 2).await.unwrap();
    let outcomes: Vec<_> = batch.iter().map(done).collect();
    begin(&store, 0, 6).await;
    let before = store.progress().await.unwrap();

    is_superseded(store.advance(late).await, 6);
    is_superseded(store.lock(late, 1).await, 6);
    is_superseded(store.complete(late, &outcomes).await, 6);
    is_superseded(store.unlock(late).await, 6);
    assert_eq!(
        store.progress().await.unwrap(),
        before,
        "it changed something"
    );
    // The refusal is for that index alone, and leaves the store usable.
    let other = begin(&store, 1, 5).await;
    assert_eq!(store.lock(other, 3).await.unwrap().len(), 1);
}

async fn a_result_counts_once_and_from_its_holder_alone(store: Store) {
    let _tree = fill(&store, 2).await;
    let (first, second) = (begin(&store, 0, 5).await, begin(&store, 1, 6).await);
    let batch = store.lock(first, 2).await.unwrap();
    let outcomes: Vec<_> = batch.iter().map(done).collect();
    assert_eq!(store.complete(second, &outcomes).await.unwrap(), 0);
    assert_eq!(store.complete(first, &outcomes[..1]).await.unwrap(), 1);
    assert_eq!(store.complete(first, &outcomes).await.unwrap(), 1, "twice");
    assert_eq!(store.progress().await.unwrap().done, 2);
}

async fn another_index_unlocks_nothing(store: Store) {
    let _tree = fill(&store, 3).await;
    store.lock(begin(&store, 0, 5).await, 3).await.unwrap();
    assert_eq!(store.unlock(begin(&store, 1, 9).await).await.unwrap(), 0);
    assert_eq!(store.progress().await.unwrap().locked, 3);
}

async fn unlocking_frees_what_earlier_holders_left(store: Store) {
    let _tree = fill(&store, 3).await;
    store.lock(begin(&store, 5, 5).await, 3).await.unwrap();
    assert_eq!(store.unlock(begin(&store, 5, 8).await).await.unwrap(), 3);
    let other = begin(&store, 0, 9).await;
    assert_eq!(store.lock(other, 3).await.unwrap().len(), 3);
}

async fn one_unreadable_file_does_not_stop_the_others(store: Store) {
    let _tree = fill(&store, 3).await;
    let holder = begin(&store, 0, 1).await;
    let batch = store.lock(holder, 3).await.unwrap();
    let mut outcomes: Vec<_> = batch.iter().map(done).collect();
    outcomes[1].result = Err("permission denied".to_owned());
    assert_eq!(store.complete(holder, &outcomes).await.unwrap(), 3);

    let expected = Progress {
        done: 2,
        failed: 1,
        bytes: 6,
        ..Progress::default()
    };
    assert_eq!(store.progress().await.unwrap(), expected);
    assert!(store.lock(holder, 3).await.unwrap().is_empty());
    let finished = store.finished().await.unwrap();
    let failed = finished.iter().find(|(_, result)| result.is_err()).unwrap();
    assert_eq!(failed.1, Err("permission denied".to_owned()));
}

/// Dropped at each of its await points in turn, a call has either happened or not.
async fn a_dropped_call_leaves_no_lock_behind(store: Store) {
    let _tree = fill(&store, 4).await;
    for polls in 1..12 {
        let first = holder(0, 2 * polls);
        poll_and_drop(store.advance(first), polls).await;
        store.advance(first).await.unwrap();
        poll_and_drop(store.lock(first, 4), polls).await;
        let second = begin(&store, 0, 2 * polls + 1).await;
        let all = store.lock(second, 4).await.unwrap();
        assert_eq!(all.len(), 4, "after {polls} polls");
        assert_eq!(store.unlock(second).await.unwrap(), 4);
    }
}

async fn poll_and_drop(future: impl Future, polls: u64) {
    let mut future = Box::pin(future);
    let mut polled = 0;
    std::future::poll_fn(|cx| {
        polled += 1;
        match future.as_mut().poll(cx) {
            Poll::Pending if polled < polls => Poll::Pending,
            _ => Poll::Ready(()),
        }
    })
    .await;
}
