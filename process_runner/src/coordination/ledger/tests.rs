//! The newest entry holds, however it was written; batches go when they say nothing any more.

use super::*;
use crate::coordination::indexes::Indexes;
use crate::coordination::records::encode;
use crate::coordination::scene::Scene;

/// What is written, one revision each.
enum Write {
    Own(u32, LedgerState),
    Batch(u128, &'static [u32]),
}
use LedgerState::{Clean, Held};
use Write::{Batch as Granted, Own};

fn ledger(writes: &[Write]) -> Ledger {
    let keys = Keys::new("/p");
    let mut stored: BTreeMap<String, Entry> = BTreeMap::new();
    for (write, revision) in writes.iter().zip(1..) {
        let (key, value) = match write {
            Own(index, state) => {
                let owner = "a".to_owned();
                let record = LedgerRecord {
                    state: *state,
                    owner,
                };
                (keys.fence(&Slot::new("j", *index)), encode(&record))
            }
            Granted(nonce, indexes) => {
                let record = BatchRecord {
                    indexes: indexes.iter().copied().collect::<Indexes>(),
                    owner: "b".to_owned(),
                };
                (keys.batch("j", *nonce), encode(&record))
            }
        };
        stored.insert(key.clone(), entry(&key, value, revision));
    }
    Ledger::of(&keys, stored.into_values())
}

fn entry(key: &str, value: Vec<u8>, mod_revision: i64) -> Entry {
    Entry {
        key: key.into(),
        value,
        create_revision: mod_revision,
        mod_revision,
    }
}

fn held_indexes(ledger: &Ledger) -> Vec<u32> {
    ledger.held().iter().map(|slot| slot.index).collect()
}

#[test]
fn what_was_granted_at_once_is_held_until_each_slot_was_unlocked() {
    let granted = ledger(&[Granted(1, &[0, 1, 2])]);
    assert_eq!(held_indexes(&granted), [0, 1, 2]);
    assert!(granted.superseded().is_empty());
    let some = ledger(&[Granted(1, &[0, 1, 2]), Own(0, Clean), Own(2, Clean)]);
    assert_eq!(held_indexes(&some), [1]);
    assert!(some.superseded().is_empty());
    let all = ledger(&[Granted(1, &[0, 1]), Own(0, Clean), Own(1, Held)]);
    assert_eq!(held_indexes(&all), [1]);
    assert_eq!(all.superseded().len(), 1);
}

#[test]
fn a_grant_after_a_clean_end_holds_again() {
    let ledger = ledger(&[Granted(1, &[0]), Own(0, Clean), Granted(2, &[0])]);
    assert_eq!(held_indexes(&ledger), [0]);
    assert_eq!(ledger.entry(&Slot::new("j", 0)).unwrap().owner, "b");
    let superseded = ledger.superseded();
    assert_eq!(superseded.len(), 1);
    assert_eq!(superseded[0].revision, 1);
}

#[test]
fn a_batch_that_was_granted_anew_after_a_crash_goes() {
    let ledger = ledger(&[
        Granted(1, &[0, 1, 2]),
        Granted(2, &[0, 1]),
        Granted(3, &[2]),
    ]);
    assert_eq!(held_indexes(&ledger), [0, 1, 2]);
    let revisions: Vec<_> = ledger.superseded().iter().map(|b| b.revision).collect();
    assert_eq!(revisions, [1]);
}

#[test]
fn what_cannot_be_read_is_held_and_stays() {
    let keys = Keys::new("/p");
    let own = entry(&keys.fence(&Slot::new("j", 3)), b"?".to_vec(), 1);
    let batch = entry(&keys.batch("j", 9), b"?".to_vec(), 2);
    let ledger = Ledger::of(&keys, [own, batch]);
    assert_eq!(held_indexes(&ledger), [3]);
    assert!(ledger.superseded().is_empty());
}

/// Puts `slot`, and says at which revision.
async fn own(scene: &Scene, index: u32) -> i64 {
    scene.own("a", index).await;
    let key = scene.keys.slot(&Slot::new("work", index));
    let found = scene.etcd.get(&key, 0).await.unwrap();
    found.kvs()[0].mod_revision()
}

#[tokio::test(start_paused = true)]
async fn what_was_before_a_holding_is_read_as_it_was_then() {
    let scene = Scene::with(4, &["a"]).await;
    let slots = [Slot::new("work", 0), Slot::new("work", 10)];
    let before = async |revision: i64| {
        let at = ("work", revision);
        read_before(&scene.etcd, &scene.keys, at, &slots)
            .await
            .unwrap()
    };
    let first = own(&scene, 0).await;
    assert_eq!(before(first).await, [Before::Nobody, Before::Nobody]);
    // Another index, whose name begins with the same digit, is none of its business.
    own(&scene, 1).await;
    let handed_over = own(&scene, 0).await;
    assert_eq!(
        before(handed_over).await,
        [Before::HandedOver, Before::Nobody]
    );

    let key = scene.keys.slot(&slots[0]);
    scene.delete(key.as_bytes()).await;
    let after_loss = own(&scene, 0).await;
    assert_eq!(before(after_loss).await, [Before::Unclean, Before::Nobody]);

    let clean = LedgerRecord {
        state: Clean,
        owner: "a".into(),
    };
    scene
        .put(scene.keys.fence(&slots[0]), encode(&clean), 0)
        .await;
    scene.delete(key.as_bytes()).await;
    let after_release = own(&scene, 0).await;
    assert_eq!(before(after_release).await, [Before::Clean, Before::Nobody]);
    // What came later changes nothing.
    assert_eq!(before(after_loss).await, [Before::Unclean, Before::Nobody]);

    scene.server.faults().compact();
    assert_eq!(before(after_loss).await, [Before::Forgotten; 2]);
}
