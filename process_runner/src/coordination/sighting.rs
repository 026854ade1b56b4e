//! What a renewal sees on the way: the keys that a silent watch would have missed.
//!
//! A watch is for speed. If it falls silent without saying so, a node notices within a ttl, when the
//! barrier reads its inbox and the posts, `leader` and `standby`. If somebody deleted a slot key by hand, it
//! notices with its next renewal: after each the slots are asked for, all in one question: which keys are on
//! my lease?
//!
//! # Why the slots are not read in the barrier
//!
//! The barrier goes through raft. A hundred reads in it are 5 KB in the log of every member, carried
//! out by every member, for each renewal; a thousand nodes at rest kept more than one core busy
//! with them. The keys of a lease are in the memory of etcd's leader.
//!
//! A slot that came since the last renewal was just seen to be ours, so it is asked for with the next one:
//! while a large cluster starts nobody asks, and etcd 3.4 copies what it has not yet written to disk for
//! each answer.
//!
//! # How it fails
//!
//! That answer does not go through raft, so a leader of yesterday may give it. A slot that it lacks is
//! looked up before it counts as gone; a slot that it has although it is gone is noticed one renewal
//! later. What could not be read is missing from the sighting, and nothing follows from that.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use etcd_client::{GetOptions, Txn, TxnOp, TxnResponse};

use super::election::posts_among;
use super::follow::Entry;
use super::keys::Keys;
use super::membership::get;
use super::{CallError, Etcd};
use crate::model::Slot;
use crate::model::leading;

/// So many slots are looked up in one transaction; etcd takes 128 at most.
const AT_ONCE: usize = 100;

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Sighting {
    /// How long etcd took to renew the lease and to prove it.
    pub(crate) took: Duration,
    /// How long the lease was still good without this renewal.
    pub(crate) left: Duration,
    /// The revision of the store; 0 if it was not seen.
    pub(crate) revision: i64,
    /// Plan and notes of this node.
    pub(crate) inbox: Vec<Entry>,
    /// Who leads and who stands by.
    pub(crate) posts: Option<[leading::Sighting; 2]>,
    /// The slots that are not as they were: the revision they were asked under, and the one that
    /// was found.
    pub(crate) changed: Vec<(Slot, i64, Option<i64>)>,
}

/// The slots to look at, with the revision each is ours since. Shared with the control loop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watched(Arc<Mutex<BTreeMap<Slot, Since>>>);

/// Since when a slot is ours.
#[derive(Debug, Clone, Copy)]
struct Since {
    revision: i64,
    /// There was no renewal since.
    fresh: bool,
}

impl Watched {
    /// Looks at `slot` from now on, or no longer.
    pub(crate) fn set(&self, slot: &Slot, revision: Option<i64>) {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (revision, slots.get(slot)) {
            (Some(revision), Some(since)) if since.revision == revision => {}
            (Some(revision), _) => {
                let fresh = true;
                slots.insert(slot.clone(), Since { revision, fresh });
            }
            (None, _) => drop(slots.remove(slot)),
        }
    }

    /// True if there are none.
    pub(super) fn is_empty(&self) -> bool {
        let slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.is_empty()
    }

    /// What is looked at with this renewal.
    pub(super) fn asked(&self) -> Vec<(Slot, i64)> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = slots.iter().filter(|(_, since)| !since.fresh);
        let asked = known.map(|(slot, since)| (slot.clone(), since.revision));
        let asked = asked.collect();
        for since in slots.values_mut() {
            since.fresh = false;
        }
        asked
    }
}

/// What one node looks at.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(super) keys: Keys,
    pub(super) node: Arc<str>,
    pub(super) lease: i64,
    pub(super) slots: Watched,
}

impl Look {
    /// The reads that go with the barrier: the inbox and the posts.
    pub(super) fn reads(&self) -> [TxnOp; 2] {
        [self.keys.inbox(&self.node).read(), self.keys.posts().read()]
    }

    /// What a barrier shows that reads nothing.
    pub(super) fn nothing_at(revision: i64) -> Sighting {
        Sighting {
            revision,
            ..Sighting::default()
        }
    }

    /// What the barrier's reply shows of them.
    pub(super) fn seen(&self, reply: &TxnResponse) -> Sighting {
        let revision = reply.header().map_or(0, |header| header.revision());
        let mut gets = reply.op_responses().into_iter().filter_map(get);
        let mut entries = || {
            Some(
                gets.next()?
                    .kvs()
                    .iter()
                    .map(Entry::from)
                    .collect::<Vec<_>>(),
            )
        };
        let (inbox, posts) = (entries(), entries());
        Sighting {
            revision,
            inbox: inbox.unwrap_or_default(),
            posts: posts.map(|entries| posts_among(&self.keys, &entries, revision)),
            ..Sighting::default()
        }
    }

    /// Of the slots asked for, those that are not as they were.
    ///
    /// Dropped, it has changed nothing.
    pub(super) async fn changed(
        &self,
        etcd: &Etcd,
        asked: Vec<(Slot, i64)>,
    ) -> Result<Vec<(Slot, i64, Option<i64>)>, CallError> {
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let present: HashSet<_> = etcd.keys_on(self.lease).await?.into_iter().collect();
        let missing: Vec<_> = asked
            .into_iter()
            .filter(|(slot, _)| !present.contains(self.keys.slot(slot).as_bytes()))
            .collect();
        let mut changed = Vec::new();
        for chunk in missing.chunks(AT_ONCE) {
            let reads: Vec<_> = chunk
                .iter()
                .map(|(slot, _)| {
                    let options = GetOptions::new().with_keys_only();
                    TxnOp::get(self.keys.slot(slot), Some(options))
                })
                .collect();
            let reply = etcd.txn(Txn::new().and_then(reads)).await?;
            let found = reply.op_responses().into_iter().filter_map(get);
            for ((slot, asked), get) in chunk.iter().zip(found) {
                let found = get.kvs().first().map(etcd_client::KeyValue::mod_revision);
                if found != Some(*asked) {
                    changed.push((slot.clone(), *asked, found));
                }
            }
        }
        Ok(changed)
    }
}

#[cfg(test)]
mod tests;
