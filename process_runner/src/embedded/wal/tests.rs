//! Crashes at every byte and damage at every bit: the acknowledged state comes back, or the file is refused.

use std::sync::Arc;
use std::time::Duration;

use etcd_client::proto::{PbDeleteRequest, PbKeyValue, PbPutRequest, PbRangeRequest};

use super::super::board;
use super::super::store::Retention;
use super::file::replay;
use super::*;

const SETUP: Setup = Setup {
    min_ttl: 2,
    retention: Retention {
        revisions: 50,
        bytes: 1 << 20,
    },
};

fn fresh() -> Store {
    let identity = Identity {
        cluster_id: 7,
        member_id: 8,
    };
    Store::new(identity, SETUP.min_ttl, SETUP.retention)
}

/// All that clients can see of a store.
#[derive(Debug, PartialEq)]
struct View {
    revision: i64,
    term: u64,
    compacted: i64,
    keys: Vec<PbKeyValue>,
    history: Vec<Arc<PbKeyValue>>,
    leases: Vec<(i64, i64, usize)>,
}

fn view(store: &Store) -> View {
    let everything = PbRangeRequest {
        key: vec![0],
        range_end: vec![0],
        ..Default::default()
    };
    let leases = store.leases().granted().into_iter();
    let leases = leases.map(|(id, ttl)| (id, ttl, store.leases().get(id).unwrap().keys.len()));
    View {
        revision: store.revision(),
        term: store.term(),
        compacted: store.space().compacted(),
        keys: store.range(&everything).unwrap().kvs,
        history: store.space().changes(0, i64::MAX).cloned().collect(),
        leases: leases.collect(),
    }
}

/// Does something to the store, different at every `turn`.
fn work(store: &mut Store, turn: i64) {
    let key = format!("k{}", turn % 5);
    let lease = turn / 7;
    match turn % 7 {
        0 => drop(store.grant(lease + 1, 10, Duration::ZERO)),
        3 => {
            let request = PbDeleteRequest {
                key: b"k0".to_vec(),
                range_end: b"k3".to_vec(),
                prev_kv: false,
            };
            drop(store.delete_range(&request));
        }
        5 if turn % 3 == 0 => drop(store.revoke(lease)),
        6 if turn % 2 == 0 => drop(store.compact(store.revision() - 3)),
        n => {
            let request = PbPutRequest {
                key: key.into_bytes(),
                value: vec![b'v'; usize::try_from(turn * 13 % 90).unwrap()],
                lease: if n == 1 { lease + 1 } else { 0 },
                ..Default::default()
            };
            drop(store.put(&request));
        }
    }
}

/// A log file written frame by frame; where each frame ended, and what the store looked like then.
fn written(turns: i64) -> (Vec<u8>, Vec<(usize, Store)>) {
    let mut store = fresh();
    for turn in 0..10 {
        work(&mut store, turn);
    }
    store.take_journal();
    let (mut bytes, mut number) = Snapshot::of(&store).encode();
    let mut ends = vec![(bytes.len(), replay(&bytes, SETUP).unwrap().store)];
    for turn in 10..turns {
        work(&mut store, turn);
        let mut payload = Vec::new();
        for record in store.take_journal() {
            codec::write_record(&mut payload, &record);
        }
        if payload.is_empty() {
            continue;
        }
        frame::write(&mut bytes, &payload, number);
        number += 1;
        let reread = replay(&bytes, SETUP).unwrap();
        assert_eq!(view(&reread.store), view(&store), "turn {turn}");
        ends.push((bytes.len(), reread.store));
    }
    (bytes, ends)
}

#[test]
fn a_crash_at_any_byte_leaves_exactly_what_was_acknowledged() {
    let (bytes, ends) = written(60);
    let snapshot_end = ends[0].0;
    for cut in 0..=bytes.len() {
        let outcome = replay(&bytes[..cut], SETUP);
        if cut < snapshot_end {
            assert!(
                outcome.is_err(),
                "a file without its snapshot, cut at {cut}"
            );
            continue;
        }
        let acknowledged = ends.iter().rfind(|(end, _)| *end <= cut).unwrap();
        let replayed = outcome.unwrap();
        assert_eq!(replayed.good, acknowledged.0);
        assert_eq!(view(&replayed.store), view(&acknowledged.1), "cut at {cut}");
    }
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let (bytes, _) = written(40);
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(replay(&bad, SETUP).is_err(), "bit {bit} was not noticed");
    }
}

#[test]
fn a_sector_lost_in_the_middle_is_refused() {
    let (bytes, _) = written(60);
    for sector in 0..bytes.len() / 512 {
        let mut bad = bytes.clone();
        bad[sector * 512..(sector + 1) * 512].fill(0);
        let behind = bytes.len() - (sector + 1) * 512;
        if behind > 200 {
            assert!(replay(&bad, SETUP).is_err(), "sector {sector}");
        }
    }
}

/// The lock of a directory that is free.
fn free(dir: &Path) -> DirLock {
    super::super::host::lock_for_tests(dir)
}

fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn reopening_raises_the_term_keeps_the_ids_and_the_state() {
    let dir = tempfile::tempdir().unwrap();
    let identity = || Identity {
        cluster_id: 7,
        member_id: 8,
    };
    let opened = open(dir.path(), free(dir.path()), SETUP, identity).unwrap();
    let (mut store, mut log) = opened.start(1 << 20).unwrap();
    assert_eq!(store.term(), 1);
    for turn in 0..30 {
        work(&mut store, turn);
    }
    let records = store.take_journal();
    log.append(&records, 1, &store);
    log.close().await;
    let never = || panic!("a store is there already");
    let opened = open(dir.path(), free(dir.path()), SETUP, never).unwrap();
    let mut expected = view(&store);
    expected.term = 2;
    assert_eq!(view(&opened.store), expected);
    assert_eq!(opened.store.identity(), identity());
}

#[tokio::test]
async fn the_file_stays_bounded_and_old_generations_go() {
    let dir = tempfile::tempdir().unwrap();
    let identity = || fresh().identity();
    let opened = open(dir.path(), free(dir.path()), SETUP, identity).unwrap();
    let (mut store, mut log) = opened.start(5_000).unwrap();
    let mut published = log.published().subscribe();
    for step in 1..=400 {
        work(&mut store, i64::try_from(step).unwrap());
        let records = store.take_journal();
        if records.is_empty() {
            continue;
        }
        log.append(&records, step, &store);
        published.wait_for(|now| now.step >= step).await.unwrap();
        let mut names = files(dir.path());
        names.retain(|name| name != "lock");
        let size = std::fs::metadata(dir.path().join(&names[0])).unwrap().len();
        assert!(size < 20_000, "{size} at {step}");
    }
    log.close().await;
    assert_eq!(files(dir.path()).len(), 2);
    let opened = open(dir.path(), free(dir.path()), SETUP, identity).unwrap();
    let mut expected = view(&store);
    expected.term = 2;
    assert_eq!(view(&opened.store), expected);
}

#[test]
fn a_bad_file_is_refused_by_name_and_left_alone() {
    let (bytes, _) = written(40);
    let mut newer = bytes.clone();
    newer[8] = 200;
    let crc = crc32fast::hash(&newer[..12]);
    newer[12..16].copy_from_slice(&crc.to_le_bytes());
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    let foreign = b"#!/bin/sh\necho not a log".to_vec();
    for (contents, says) in [
        (newer, "has format 200, this version reads up to 1"),
        (flipped, "is damaged at byte"),
        (foreign, "is no log of an embedded etcd"),
        (Vec::new(), "is no log of an embedded etcd"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("0000000000000003.log");
        std::fs::write(&file, &contents).unwrap();
        let never = || panic!("started empty over a bad file");
        let error = open(dir.path(), free(dir.path()), SETUP, never).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(says) && text.contains("3.log"), "{text}");
        assert_eq!(std::fs::read(&file).unwrap(), contents);
    }
}

#[test]
fn a_crash_between_two_generations_keeps_the_newer_and_drops_drafts() {
    let (older, _) = written(20);
    let (newer, ends) = written(40);
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::write(at("0000000000000001.log"), older).unwrap();
    std::fs::write(at("0000000000000002.log"), &newer).unwrap();
    std::fs::write(at("0000000000000003.tmp"), &newer[..100]).unwrap();
    let never = || panic!("a store is there already");
    let opened = open(dir.path(), free(dir.path()), SETUP, never).unwrap();
    assert_eq!(opened.store.revision(), ends.last().unwrap().1.revision());
    assert_eq!(files(dir.path()), ["0000000000000002.log", "lock"]);
}

#[tokio::test]
async fn a_full_disk_fails_every_call_and_acknowledges_none() {
    let dir = tempfile::tempdir().unwrap();
    let identity = || fresh().identity();
    let mut opened = open(dir.path(), free(dir.path()), SETUP, identity).unwrap();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    opened.file.file = full.unwrap();
    let (store, log) = opened.start(1 << 20).unwrap();
    let etcd = super::super::EmbeddedEtcd::start(store, Some(log), &Default::default());
    let client = etcd_client::Client::from_channel(etcd.channel(), None).await;
    let mut client = client.unwrap();
    let mut watch = client.watch("k", None).await.unwrap();
    watch.message().await.unwrap();
    let text = client.put("k", "", None).await.unwrap_err().to_string();
    assert!(text.contains("No space left on device"), "{text}");
    assert!(
        client.get("k", None).await.is_err(),
        "what failed was shown"
    );
    assert!(watch.message().await.is_err());
}

#[test]
fn a_new_generation_takes_what_was_appended_after_its_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let identity = || fresh().identity();
    let Opened {
        mut store,
        file,
        lock,
    } = open(dir.path(), free(dir.path()), SETUP, identity).unwrap();
    let queue = Arc::new(Queue::default());
    let published = Arc::new(board::Sender::new(Published::start(1)));
    let mut log = Log {
        queue: Arc::clone(&queue),
        published: Arc::clone(&published),
        done: None,
        sentinel: lock.sentinel().unwrap(),
        grown: 0,
        allowance: 0,
    };
    // The first append outgrows the file; the second comes before the thread, which is this one, has run.
    for step in [1, 2] {
        work(&mut store, step - 1);
        let records = store.take_journal();
        log.append(&records, u64::try_from(step).unwrap(), &store);
        log.allowance = 1 << 20;
    }
    drop(log);
    let writer = Writer {
        queue,
        log: file,
        published: Arc::clone(&published),
        lock,
        done: oneshot::channel().0,
    };
    writer.run();
    assert_eq!(published.borrow().step, 2);
    let opened = open(dir.path(), free(dir.path()), SETUP, identity).unwrap();
    let mut expected = view(&store);
    expected.term = 2;
    assert_eq!(view(&opened.store), expected);
    assert_eq!(files(dir.path()), ["0000000000000002.log", "lock"]);
}
