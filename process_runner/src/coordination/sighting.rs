//! What a renewal sees on the way: the keys that a silent watch would have missed.
//!
//! A watch is for speed. If its connection is dead without saying so, or if somebody deleted a slot
//! key by hand, a node notices with its next renewal: the barrier reads its inbox, `leader`,
//! `standby` and the slots it holds, about a hundred in one transaction.
//!
//! # How it fails
//!
//! What could not be read is missing from the sighting, and nothing follows from that.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use etcd_client::{GetOptions, GetResponse, Txn, TxnOp, TxnResponse};

use super::Etcd;
use super::election::holder_in;
use super::follow::Entry;
use super::keys::Keys;
use super::membership::get;
use crate::model::Slot;
use crate::model::leading::{self, Post};

/// So many slots are read in the barrier itself; the others in transactions of their own.
const SLOTS: usize = 100;

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Sighting {
    /// Plan and notes of this node.
    pub(crate) inbox: Vec<Entry>,
    /// Who leads and who stands by.
    pub(crate) posts: Option<[leading::Sighting; 2]>,
    /// The slots asked for: the revision they were asked under, and the one that was found.
    pub(crate) slots: Vec<(Slot, i64, Option<i64>)>,
}

/// The slots to look at, with the revision each is ours since. Shared with the control loop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watched(Arc<Mutex<BTreeMap<Slot, i64>>>);

impl Watched {
    /// Looks at `slot` from now on, or no longer.
    pub(crate) fn set(&self, slot: &Slot, revision: Option<i64>) {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match revision {
            Some(revision) => drop(slots.insert(slot.clone(), revision)),
            None => drop(slots.remove(slot)),
        }
    }

    /// What is looked at now.
    pub(super) fn asked(&self) -> Vec<(Slot, i64)> {
        let slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.iter().map(|(slot, at)| (slot.clone(), *at)).collect()
    }
}

/// What one node looks at.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(super) keys: Keys,
    pub(super) node: Arc<str>,
    pub(super) slots: Watched,
}

impl Look {
    /// The reads that go with the barrier: inbox, leader, standby, the first slots.
    pub(super) fn reads(&self, asked: &[(Slot, i64)]) -> Vec<TxnOp> {
        let inbox = self.keys.inbox(&self.node);
        let whole = GetOptions::new().with_range(inbox.to);
        let mut reads = vec![
            TxnOp::get(inbox.from, Some(whole)),
            TxnOp::get(self.keys.leader(), None),
            TxnOp::get(self.keys.standby(), None),
        ];
        reads.extend(self.slot_reads(asked.iter().take(SLOTS)));
        reads
    }

    fn slot_reads<'s>(&self, asked: impl Iterator<Item = &'s (Slot, i64)>) -> Vec<TxnOp> {
        asked
            .map(|(slot, _)| {
                let options = GetOptions::new().with_keys_only();
                TxnOp::get(self.keys.slot(slot), Some(options))
            })
            .collect()
    }
}

/// Puts the sighting together from the barrier's reply, reading what had no room in it.
pub(super) async fn take(
    etcd: &Etcd,
    reply: &TxnResponse,
    look: &Look,
    asked: Vec<(Slot, i64)>,
) -> Sighting {
    let mut gets = reply.op_responses().into_iter().filter_map(get);
    let revision = reply.header().map_or(0, |header| header.revision());
    let inbox = gets.next();
    let posts = gets.next().zip(gets.next()).map(|(leader, standby)| {
        [(Post::Leader, leader), (Post::Standby, standby)].map(|(post, get)| leading::Sighting {
            post,
            holder: get.kvs().first().map(|kv| holder_in(&Entry::from(kv))),
            revision,
        })
    });
    let mut sighting = Sighting {
        inbox: inbox.map_or_else(Vec::new, |get| get.kvs().iter().map(Entry::from).collect()),
        posts,
        slots: Vec::with_capacity(asked.len()),
    };
    let mut chunks = asked.chunks(SLOTS);
    if let Some(first) = chunks.next() {
        sighting.add(first, gets);
    }
    for chunk in chunks {
        let txn = Txn::new().and_then(look.slot_reads(chunk.iter()));
        match etcd.txn(txn).await {
            Ok(reply) => {
                let gets = reply.op_responses().into_iter().filter_map(get);
                sighting.add(chunk, gets.collect::<Vec<_>>().into_iter());
            }
            // The renewal is proven all the same; the next one reads them.
            Err(error) => tracing::debug!(%error, "held slots could not be looked at"),
        }
    }
    sighting
}

impl Sighting {
    fn add(&mut self, asked: &[(Slot, i64)], gets: impl Iterator<Item = GetResponse>) {
        for ((slot, revision), get) in asked.iter().zip(gets) {
            let found = get.kvs().first().map(etcd_client::KeyValue::mod_revision);
            self.slots.push((slot.clone(), *revision, found));
        }
    }
}
