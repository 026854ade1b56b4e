//! The ledger: how the last holding of each slot ended, or that it lasts. It survives the slot's key.
//!
//! | written by | key | says |
//! |---|---|---|
//! | a grant | `fences/<job>/granted-<nonce>`, one for all slots of a job that one node is granted at once | held |
//! | a transfer, a reclaim | `fences/<job>/<index>` | held |
//! | a release after everything was unlocked | `fences/<job>/<index>` | clean |
//!
//! **The newest entry that names a slot holds.** A grant thus overwrites nothing: its batch makes the
//! start of a large cluster half as much work for etcd, and the new holder can still read how the
//! holding before it ended.
//!
//! A new holder of a job with a `lock_delay` asks how the holding before its own ended
//! ([`read_before`]): as the ledger stood one revision before its own began.
//!
//! A batch is *superseded* when for each of its slots there is a newer entry. The leader deletes such
//! batches when it reads the whole ledger.
//!
//! # How it fails
//!
//! An entry that cannot be read counts as `held`: unlocking once too often harms nobody.

use std::collections::{BTreeMap, BTreeSet};

use etcd_client::{Compare, CompareOp, TxnOp};

use super::follow::Entry;
use super::guarded::{Guarded, part};
use super::keys::{Keys, LedgerKey};
use super::records::{BatchRecord, LedgerRecord, LedgerState};
use super::{CallError, Etcd, Session};
use crate::model::{Before, Slot};

/// At most so many batches are deleted in one transaction.
const BATCHES: usize = 100;

/// What the ledger says.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// The newest entry of each slot, and its revision.
    entries: BTreeMap<Slot, (i64, LedgerRecord)>,
    batches: Vec<Batch>,
}

/// A batch, as it stands in etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    key: Vec<u8>,
    revision: i64,
    slots: Vec<Slot>,
}

impl Ledger {
    /// What these keys say.
    pub(super) fn of(keys: &Keys, entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut ledger = Self::default();
        for entry in entries {
            match keys.parse_fence(&entry.key) {
                Some(LedgerKey::Slot(slot)) => {
                    let record = serde_json::from_slice(&entry.value);
                    let record = record.unwrap_or_else(|_| held(String::new()));
                    ledger.enter(slot, entry.mod_revision, record);
                }
                Some(LedgerKey::Batch(job)) => ledger.enter_batch(&job, entry),
                None => {}
            }
        }
        ledger
    }

    /// A batch that cannot be read names no slots, and is left alone.
    fn enter_batch(&mut self, job: &str, entry: Entry) {
        let Ok(record) = serde_json::from_slice::<BatchRecord>(&entry.value) else {
            let key = String::from_utf8_lossy(&entry.key);
            tracing::warn!(%key, "an entry of the ledger cannot be read; another version wrote it");
            return;
        };
        let slots = record.indexes.iter().map(|index| Slot::new(job, index));
        let slots: Vec<_> = slots.collect();
        for slot in &slots {
            let record = held(record.owner.clone());
            self.enter(slot.clone(), entry.mod_revision, record);
        }
        self.batches.push(Batch {
            key: entry.key,
            revision: entry.mod_revision,
            slots,
        });
    }

    fn enter(&mut self, slot: Slot, revision: i64, record: LedgerRecord) {
        let newest = self.entries.get(&slot).map_or(0, |(newest, _)| *newest);
        if revision > newest {
            self.entries.insert(slot, (revision, record));
        }
    }

    /// The newest entry of `slot`.
    pub(crate) fn entry(&self, slot: &Slot) -> Option<&LedgerRecord> {
        self.entries.get(slot).map(|(_, record)| record)
    }

    /// The slots that are held, or that ended without having been unlocked.
    pub(crate) fn held(&self) -> BTreeSet<Slot> {
        let entries = self.entries.iter();
        let held = entries.filter(|(_, (_, record))| record.state == LedgerState::Held);
        held.map(|(slot, _)| slot.clone()).collect()
    }

    /// The batches that say nothing any more.
    pub(crate) fn superseded(&self) -> Vec<Batch> {
        let batches = self.batches.iter().filter(|batch| !self.speaks(batch));
        batches.cloned().collect()
    }

    /// True if the batch is the newest entry of one of its slots.
    fn speaks(&self, batch: &Batch) -> bool {
        let newest = |slot: &Slot| self.entries.get(slot).map(|(revision, _)| *revision);
        let mut slots = batch.slots.iter();
        slots.any(|slot| newest(slot) == Some(batch.revision))
    }
}

fn held(owner: String) -> LedgerRecord {
    LedgerRecord {
        state: LedgerState::Held,
        owner,
    }
}

/// How the holdings ended that were before those of `slots` which began at `revision`. All slots are of
/// `job`; the answers stand in their order. Cancel safe.
pub(crate) async fn read_before(
    etcd: &Etcd,
    keys: &Keys,
    (job, revision): (&str, i64),
    slots: &[Slot],
) -> Result<Vec<Before>, CallError> {
    let before = |range| async move { etcd.range_at(&range, revision - 1).await };
    let read = async {
        let owned = before(keys.slots_of(job)).await?;
        Ok::<_, CallError>((owned, before(keys.fences_of(job)).await?))
    };
    let (owned, ledger) = match read.await {
        Err(CallError::Compacted) => return Ok(vec![Before::Forgotten; slots.len()]),
        read => read?,
    };
    let owned: BTreeSet<&[u8]> = owned.kvs().iter().map(|kv| kv.key()).collect();
    let ledger = Ledger::of(keys, ledger.kvs().iter().map(Entry::from));
    let found = slots.iter().map(|slot| {
        let entry = ledger.entry(slot);
        let clean = entry.map(|record| record.state == LedgerState::Clean);
        Before::found(owned.contains(keys.slot(slot).as_bytes()), clean)
    });
    Ok(found.collect())
}

impl Session {
    /// Reads the ledger of `job`, or of all jobs. Cancel safe.
    pub(crate) async fn read_ledger(&self, job: Option<&str>) -> Result<Ledger, CallError> {
        let range = match job {
            Some(job) => self.keys.fences_of(job),
            None => self.keys.fences(),
        };
        let ledger = self.read(&range).await?;
        let entries = ledger.kvs().iter().map(Entry::from);
        Ok(Ledger::of(&self.keys, entries))
    }

    /// Deletes superseded batches, while `term` lasts.
    ///
    /// Dropped, the outcome is unknown, and of no consequence.
    pub(crate) async fn collect_batches(
        &self,
        term: i64,
        superseded: &[Batch],
    ) -> Result<Guarded<()>, CallError> {
        for some in superseded.chunks(BATCHES) {
            let parts = some.iter().map(|batch| {
                let key = batch.key.as_slice();
                let unchanged = Compare::mod_revision(key, CompareOp::Equal, batch.revision);
                part(vec![unchanged], vec![TxnOp::delete(key, None)], Vec::new())
            });
            if let Guarded::Deposed(posts) = self.guarded(term, parts.collect()).await? {
                return Ok(Guarded::Deposed(posts));
            }
        }
        Ok(Guarded::Done(()))
    }
}

#[cfg(test)]
mod tests;
