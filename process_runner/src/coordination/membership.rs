//! The node's own keys: its member key, and the inbox that others write for it.
//!
//! | call | does |
//! |---|---|
//! | [`Session::put_member`] | says what the node is now, and reads in the same transaction what was sent to it before that took effect |
//! | [`Session::acknowledge`] | deletes notes of slots that arrived |
//! | [`Session::take_note`] | deletes an operator's note, and says whether it was still there |
//! | [`Session::read_slots`] | reads slots that a note of unknown age speaks of |
//!
//! Whoever puts a slot on this node's lease compares the member key's mod_revision. So after the
//! transaction that puts `quiet` or `draining`, nothing more arrives, and what it read is all.

use std::collections::BTreeMap;

use etcd_client::{
    Compare, CompareOp, GetOptions, PutOptions, Txn, TxnOp, TxnOpResponse, TxnResponse,
};

use super::follow::Entry;
use super::guarded::part;
use super::indexes::Indexes;
use super::records::encode;
use super::records::{MemberRecord, SlotRecord};
use super::{CallError, Session};
use crate::model::Slot;

/// What the node says of itself: the part of its member key that changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) quiet: bool,
    pub(crate) draining: bool,
    /// With `--until-idle`: what it has drained.
    pub(crate) done: BTreeMap<String, Indexes>,
}

impl Standing {
    /// `up`, `quiet` or `draining`, as the member key says it.
    pub(crate) fn state(&self) -> &'static str {
        match (self.draining, self.quiet) {
            (true, _) => "draining",
            (false, true) => "quiet",
            (false, false) => "up",
        }
    }
}

/// A note as it was seen. Put once more under the same key, it is another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Note {
    pub(crate) key: Vec<u8>,
    /// The mod_revision of the key.
    pub(crate) revision: i64,
}

impl From<&Entry> for Note {
    fn from(entry: &Entry) -> Self {
        Self {
            key: entry.key.clone(),
            revision: entry.mod_revision,
        }
    }
}

/// What became of a put of the member key.
#[derive(Debug)]
pub(crate) enum Put {
    Done(Said),
    /// The key is ours and stands at this revision: an earlier put took place late.
    Moved {
        revision: i64,
    },
    /// It is not ours any more.
    Gone,
}

/// What was there when the member key was put.
#[derive(Debug)]
pub(crate) struct Said {
    /// The member key's mod_revision now.
    pub(crate) revision: i64,
    /// Plan and notes of this node.
    pub(crate) inbox: Vec<Entry>,
    /// The nodes that are members, this one included.
    pub(crate) members: i64,
}

/// So many operations fit a transaction at etcd's default limit of 128.
const OPERATIONS: usize = 100;

impl Session {
    /// The member key's revision after this session was opened.
    pub(crate) fn member_revision(&self) -> i64 {
        self.member_created
    }

    /// Puts the member key, if it still stands at `revision`: a put that takes place late, after a
    /// newer one, would say what is not so any more.
    ///
    /// Dropped, it may have taken place; repeating it is safe.
    pub(crate) async fn put_member(
        &self,
        standing: &Standing,
        revision: i64,
    ) -> Result<Put, CallError> {
        let member = MemberRecord {
            state: standing.state().to_owned(),
            done: standing.done.clone(),
            ..self.member.clone()
        };
        let on_lease = PutOptions::new().with_lease(self.lease);
        let (inbox, members) = (self.keys.inbox(&self.node), self.keys.members());
        let count = GetOptions::new().with_range(members.to).with_count_only();
        let key = self.keys.member(&self.node);
        let unmoved = Compare::mod_revision(key.as_str(), CompareOp::Equal, revision);
        let txn = Txn::new()
            .when([self.is_member(), unmoved])
            .and_then([
                TxnOp::put(key.as_str(), encode(&member), Some(on_lease)),
                TxnOp::get(inbox.from, Some(GetOptions::new().with_range(inbox.to))),
                TxnOp::get(members.from, Some(count)),
            ])
            .or_else([TxnOp::get(key.as_str(), None)]);
        let reply = self.etcd.txn(txn).await?;
        let done = reply.succeeded();
        let revision = reply.header().map_or(0, |header| header.revision());
        if !done {
            return Ok(self.moved(reply));
        }
        let mut said = Said {
            revision,
            inbox: Vec::new(),
            members: 0,
        };
        let gets = reply.op_responses().into_iter().filter_map(get);
        for (number, get) in gets.enumerate() {
            match number {
                0 => said.inbox = get.kvs().iter().map(Entry::from).collect(),
                _ => said.members = get.count(),
            }
        }
        Ok(Put::Done(said))
    }

    /// Why a put of the member key was refused.
    fn moved(&self, reply: TxnResponse) -> Put {
        let found = reply.op_responses().into_iter().find_map(get);
        let kv = found.as_ref().and_then(|get| get.kvs().first());
        match kv.filter(|kv| kv.create_revision() == self.member_created) {
            Some(kv) => Put::Moved {
                revision: kv.mod_revision(),
            },
            None => Put::Gone,
        }
    }

    /// Deletes these notes from the node's own inbox, as they were seen. One that was put once more
    /// meanwhile stays, or is among those that are returned: it is gone, and nobody has seen it yet.
    ///
    /// Cancel safe: a note that stays is read again and means nothing new. And no note is put twice, because
    /// a copy of the transaction that put it changes nothing.
    pub(crate) async fn acknowledge(&self, notes: &[Note]) -> Result<Vec<Entry>, CallError> {
        // Nearly always it is one, and its key has a mark of its own: nothing needs to be compared. etcd
        // 3.4 copies all that it has not yet written to disk for a transaction, and not for this.
        if let [note] = notes {
            let taken = self.etcd.take(&note.key).await?;
            let other = taken.filter(|entry| entry.mod_revision != note.revision);
            return Ok(other.into_iter().collect());
        }
        for notes in notes.chunks(OPERATIONS) {
            let deletes = notes.iter().map(|note| {
                let key = note.key.as_slice();
                let unmoved = Compare::mod_revision(key, CompareOp::Equal, note.revision);
                part(vec![unmoved], vec![TxnOp::delete(key, None)], Vec::new())
            });
            let txn = Txn::new()
                .when([self.is_member()])
                .and_then(deletes.collect::<Vec<_>>());
            self.etcd.txn(txn).await?;
        }
        Ok(Vec::new())
    }

    /// Takes an operator's note out of the inbox: that is its acknowledgement. False if it was
    /// withdrawn: whoever put it has given up by then, and said so.
    ///
    /// Dropped, the note may be gone without having been obeyed.
    pub(crate) async fn take_note(&self, key: &[u8]) -> Result<bool, CallError> {
        let there = Compare::create_revision(key, CompareOp::Greater, 0);
        let txn = Txn::new()
            .when([self.is_member(), there])
            .and_then([TxnOp::delete(key, None)]);
        Ok(self.etcd.txn(txn).await?.succeeded())
    }

    /// The slots among `slots` that are on this node's lease, each with its mod_revision.
    ///
    /// Cancel safe.
    pub(crate) async fn read_slots(
        &self,
        slots: &[Slot],
    ) -> Result<Vec<(Slot, SlotRecord, i64)>, CallError> {
        let mut ours = Vec::new();
        for slots in slots.chunks(OPERATIONS) {
            let reads = slots
                .iter()
                .map(|slot| TxnOp::get(self.keys.slot(slot), None));
            let txn = Txn::new().and_then(reads.collect::<Vec<_>>());
            let reply = self.etcd.txn(txn).await?;
            let found = reply.op_responses().into_iter().filter_map(get);
            for (slot, get) in slots.iter().zip(found) {
                let Some(kv) = get.kvs().first().filter(|kv| kv.lease() == self.lease) else {
                    continue;
                };
                if let Ok(record) = serde_json::from_slice(kv.value()) {
                    ours.push((slot.clone(), record, kv.mod_revision()));
                }
            }
        }
        Ok(ours)
    }
}

pub(super) fn get(response: TxnOpResponse) -> Option<etcd_client::GetResponse> {
    match response {
        TxnOpResponse::Get(get) => Some(get),
        _ => None,
    }
}
