//! The multi-version key space: every key's versions, and the log of changes in order.
//!
//! One counter, the revision, starts at 1 and grows by one per write that changed something. Every change is an
//! [`Entry`]; a deletion is an entry of version 0 that has nothing but its key and the revision that deleted it. Entries
//! are shared between two views: `keys` (per key, oldest first) answers reads at any revision, `log` (by revision, then
//! by the order within it) answers watches. Compaction forgets history from the old end and nothing else.
//!
//! Guarantees: `revision` never decreases; the versions of a key are in strictly increasing revision order, except that
//! one transaction may delete and put the same key; a read at `compacted` or later answers as if nothing was forgotten.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use etcd_client::proto::PbKeyValue;

use super::error::Refusal;
use super::key_range::KeyRange;

/// One change of one key: a put, or with version 0 a deletion.
pub(crate) type Entry = Arc<PbKeyValue>;

/// Whether an entry records a deletion.
pub(crate) fn is_delete(entry: &PbKeyValue) -> bool {
    entry.version == 0
}

/// How much memory an entry holds on to, roughly.
fn weight(entry: &PbKeyValue) -> usize {
    entry.key.len() + entry.value.len() + 128
}

/// All versions of all keys since the last compaction.
#[derive(Debug)]
pub(crate) struct KeySpace {
    keys: BTreeMap<Vec<u8>, Vec<Entry>>,
    log: VecDeque<Entry>,
    log_weight: usize,
    revision: i64,
    compacted: i64,
}

impl KeySpace {
    /// An empty key space, at revision 1 like a new etcd.
    pub(crate) fn new() -> Self {
        Self::at_revision(1, -1)
    }

    /// An empty key space to load saved entries into.
    pub(crate) fn at_revision(revision: i64, compacted: i64) -> Self {
        Self {
            keys: BTreeMap::new(),
            log: VecDeque::new(),
            log_weight: 0,
            revision,
            compacted,
        }
    }

    /// The revision of the last write.
    pub(crate) fn revision(&self) -> i64 {
        self.revision
    }

    /// The last compaction's revision; -1 when there was none.
    pub(crate) fn compacted(&self) -> i64 {
        self.compacted
    }

    /// The version of `key` that was current at `revision`.
    pub(crate) fn get(&self, key: &[u8], revision: i64) -> Option<&Entry> {
        self.keys
            .get(key)
            .and_then(|versions| current(versions, revision))
    }

    /// What was current at `revision` for every key of `range`, in key order.
    pub(crate) fn scan<'s>(
        &'s self,
        range: KeyRange<'_>,
        revision: i64,
    ) -> impl Iterator<Item = &'s Entry> {
        range
            .bounds()
            .map(|bounds| self.keys.range::<[u8], _>(bounds))
            .into_iter()
            .flatten()
            .filter_map(move |(_, versions)| current(versions, revision))
    }

    /// The changes with a revision in `from..=upto`, in order.
    pub(crate) fn changes(&self, from: i64, upto: i64) -> impl Iterator<Item = &Entry> {
        let start = self.log.partition_point(|entry| entry.mod_revision < from);
        let end = self.log.partition_point(|entry| entry.mod_revision <= upto);
        self.log.range(start..end.max(start))
    }

    /// Records a change of the write being built, which will become revision `self.revision() + 1`.
    pub(super) fn record(&mut self, entry: Entry) {
        debug_assert!(entry.mod_revision == self.revision + 1);
        self.keys
            .entry(entry.key.clone())
            .or_default()
            .push(Arc::clone(&entry));
        self.log_weight += weight(&entry);
        self.log.push_back(entry);
    }

    /// Ends the write being built: its changes become visible as the next revision.
    pub(super) fn advance(&mut self) {
        self.revision += 1;
    }

    /// Forgets everything that only reads before `at` could see.
    pub(crate) fn compact(&mut self, at: i64) -> Result<(), Refusal> {
        if at <= self.compacted {
            return Err(Refusal::Compacted);
        }
        if at > self.revision {
            return Err(Refusal::FutureRevision);
        }
        self.compacted = at;
        while let Some(entry) = self.log.front() {
            if entry.mod_revision >= at {
                break;
            }
            let key = entry.key.clone();
            self.log_weight -= weight(entry);
            self.log.pop_front();
            self.prune(&key, at);
        }
        let boundary: Vec<_> = self
            .changes(at, at)
            .map(|entry| entry.key.clone())
            .collect();
        for key in boundary {
            self.prune(&key, at);
        }
        Ok(())
    }

    /// Drops the versions of one key that nobody can read any more after a compaction at `at`.
    fn prune(&mut self, key: &[u8], at: i64) {
        let Some(versions) = self.keys.get_mut(key) else {
            return;
        };
        let behind = versions.partition_point(|entry| entry.mod_revision <= at);
        if behind > 0 {
            let keep_last = !is_delete(&versions[behind - 1]);
            versions.drain(..behind - usize::from(keep_last));
        }
        if versions.is_empty() {
            self.keys.remove(key);
        }
    }

    /// The revision to compact at so that at most `revisions` revisions and about `bytes` bytes of history stay, if
    /// they are well exceeded. Half as much again is let through, so that compaction is rare.
    pub(crate) fn excess(&self, revisions: i64, bytes: usize) -> Option<i64> {
        let oldest = self.log.front()?.mod_revision;
        if self.revision - oldest > revisions + revisions / 2 {
            return Some(self.revision - revisions);
        }
        if self.log_weight > bytes + bytes / 2 {
            let mut weight_left = self.log_weight;
            for entry in &self.log {
                weight_left -= weight(entry);
                if weight_left <= bytes {
                    // Never more than the present: its own revision stays.
                    return Some((entry.mod_revision + 1).min(self.revision))
                        .filter(|&at| at > self.compacted);
                }
            }
        }
        None
    }

    /// Every entry that a copy of this key space needs: first those older than the log, by key, then the log.
    pub(crate) fn entries(&self) -> (Vec<Entry>, Vec<Entry>) {
        let logged_from = self
            .log
            .front()
            .map_or(i64::MAX, |entry| entry.mod_revision);
        let old = self
            .keys
            .values()
            .flatten()
            .filter(|entry| entry.mod_revision < logged_from)
            .cloned()
            .collect();
        (old, self.log.iter().cloned().collect())
    }

    /// Loads an entry older than the log.
    pub(crate) fn load_old(&mut self, entry: Entry) {
        self.keys.entry(entry.key.clone()).or_default().push(entry);
    }

    /// Loads an entry of the log, moving the revision along with it.
    pub(crate) fn load_logged(&mut self, entry: Entry) {
        self.revision = self.revision.max(entry.mod_revision);
        self.log_weight += weight(&entry);
        self.log.push_back(Arc::clone(&entry));
        // What the compaction already dropped from the versions must not come back.
        if is_delete(&entry) && entry.mod_revision <= self.compacted {
            return;
        }
        self.load_old(entry);
    }

    /// The number of bytes held by history and keys, roughly.
    pub(crate) fn size(&self) -> usize {
        self.log_weight
            + self
                .keys
                .iter()
                .map(|(key, versions)| {
                    key.len() + versions.first().map_or(0, |first| first.value.len())
                })
                .sum::<usize>()
    }
}

/// The newest of `versions` that is not newer than `revision`, unless that is a deletion.
fn current(versions: &[Entry], revision: i64) -> Option<&Entry> {
    let behind = versions.partition_point(|entry| entry.mod_revision <= revision);
    versions[..behind].last().filter(|entry| !is_delete(entry))
}
