//! Leaving a note in a node's inbox, and waiting until the node has obeyed it.
//!
//! ```text
//! put on the node's lease, if it is still that member --> watch the note
//!   the node deletes it                     acknowledged
//!   it goes together with the member        gone
//!   nobody answers in time                  taken back: unanswered
//! ```
//!
//! # Guarantees
//!
//! - A note reaches the incarnation it was meant for, or nobody.
//! - No note is sent twice: a second `Stop` means more than the first.
//! - Every answer is final: a note that was not acknowledged is not obeyed later.
//!
//! # How it fails
//!
//! If etcd's answer to the put is lost, the node may or may not find the note, and the error says so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use etcd_client::{Compare, CompareOp, EventType, PutOptions, Txn, TxnOp};

use super::indexes::Indexes;
use super::keys::{Keys, Range};
use super::records::{NoteRecord, encode};
use super::session::explain;
use super::slots::Target;
use super::{CallError, CoordinationError, Etcd, Session};
use crate::chance::random_u128;

/// A node as its member key shows it.
#[derive(Debug, Clone)]
pub(crate) struct Recipient {
    pub(crate) node: Arc<str>,
    pub(crate) lease: i64,
    /// The member key's create_revision: another process under the same name has another one.
    pub(crate) member_created: i64,
}

/// What became of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The node obeyed.
    Acknowledged,
    /// The node is not there any more.
    Gone,
    /// The node is there and did not answer in time. The note is taken back.
    Unanswered,
}

/// Leaves `note` with `to` and waits at most `patience` for the acknowledgement.
///
/// Dropped, the node may or may not obey.
pub(crate) async fn deliver(
    etcd: &Etcd,
    keys: &Keys,
    to: &Recipient,
    note: &NoteRecord,
    patience: Duration,
) -> Result<Delivery, CoordinationError> {
    let note_key = keys.note(&to.node, random_u128());
    let sent = Sent {
        range: keys.only(note_key.clone()),
        note: note_key,
        member: keys.member(&to.node),
        member_created: to.member_created,
    };
    let Some(revision) = sent.put(etcd, to.lease, note).await? else {
        return Ok(Delivery::Gone);
    };
    match tokio::time::timeout(patience, sent.answer(etcd, revision)).await {
        Ok(answer) => answer.map_err(|error| explain(error, etcd)),
        Err(_) => sent.take_back(etcd).await,
    }
}

impl Session {
    /// Asks the node that `slots` go to to prepare their workers, and waits until it did, at most
    /// `patience`. False if it is not there any more as the plan saw it.
    ///
    /// Cancel safe: the node may prepare, and drops what does not come.
    pub(crate) async fn ask_to_prepare(
        &self,
        target: &Target,
        slots: BTreeMap<String, Indexes>,
        patience: Duration,
    ) -> bool {
        let note = NoteRecord::Prepare { slots };
        let asked = async {
            let fail = |error| explain(error, &self.etcd);
            let Some(recipient) = self.recipient(target).await.map_err(fail)? else {
                return Ok(Delivery::Gone);
            };
            deliver(&self.etcd, &self.keys, &recipient, &note, patience).await
        };
        match asked.await {
            Ok(delivery) => delivery != Delivery::Gone,
            Err(error) => {
                tracing::debug!(node = target.node, %error, "could not be asked to prepare");
                true
            }
        }
    }

    /// The node, if it is as the plan saw it.
    async fn recipient(&self, target: &Target) -> Result<Option<Recipient>, CallError> {
        let found = self.etcd.get(&self.keys.member(&target.node), 0).await?;
        let mut members = found.kvs().iter();
        let member = members.find(|kv| kv.mod_revision() == target.destination.member);
        Ok(member.map(|member| Recipient {
            node: target.node.as_str().into(),
            lease: target.destination.lease,
            member_created: member.create_revision(),
        }))
    }
}

/// A note on its way.
struct Sent {
    /// Its key.
    note: String,
    /// The range of that key alone.
    range: Range,
    member: String,
    member_created: i64,
}

impl Sent {
    /// The revision of the put; `None` if the recipient is gone.
    async fn put(
        &self,
        etcd: &Etcd,
        lease: i64,
        note: &NoteRecord,
    ) -> Result<Option<i64>, CoordinationError> {
        let is_member =
            Compare::create_revision(self.member.as_str(), CompareOp::Equal, self.member_created);
        let on_lease = PutOptions::new().with_lease(lease);
        let put = TxnOp::put(self.note.as_str(), encode(note), Some(on_lease));
        let txn = Txn::new().when([is_member]).and_then([put]);
        match etcd.txn(txn).await {
            Ok(reply) if reply.succeeded() => {
                Ok(Some(reply.header().map_or(0, |header| header.revision())))
            }
            Ok(_) | Err(CallError::LeaseGone) => Ok(None),
            Err(CallError::Unknown(reason)) => Err(CoordinationError::Unclear {
                reason: format!(
                    "etcd's answer was lost ({reason}), and the node may find the note"
                ),
            }),
            Err(error) => Err(explain(error, etcd)),
        }
    }

    /// Waits for the end of the note that was put in `revision`.
    async fn answer(&self, etcd: &Etcd, revision: i64) -> Result<Delivery, CallError> {
        let mut from = revision + 1;
        loop {
            if let Some(deleted) = self.watch(etcd, from).await? {
                return self.judge(etcd, deleted).await;
            }
            // The watch ended without a word on the note: look, and watch on from there.
            let found = etcd.get(&self.note, 0).await?;
            let now = found.header().map_or(0, |header| header.revision());
            if found.kvs().is_empty() {
                return self.judge(etcd, now).await;
            }
            from = now + 1;
        }
    }

    /// Watches the note: the revision that deleted it, or `None` if the watch ended before.
    async fn watch(&self, etcd: &Etcd, from: i64) -> Result<Option<i64>, CallError> {
        let mut stream = etcd.watch(&self.range, from).await?;
        // No timeout here: the whole wait has one.
        while let Ok(Some(response)) = stream.message().await {
            if response.canceled() || response.compact_revision() > 0 {
                break;
            }
            let mut events = response.events().iter();
            let deletion = events.find(|event| event.event_type() == EventType::Delete);
            if let Some(kv) = deletion.and_then(|event| event.kv()) {
                return Ok(Some(kv.mod_revision()));
            }
        }
        Ok(None)
    }

    /// Who deleted the note: the node, or the end of its lease, which deletes the member key in the
    /// same revision.
    async fn judge(&self, etcd: &Etcd, deleted: i64) -> Result<Delivery, CallError> {
        let found = match etcd.get(&self.member, deleted).await {
            Err(CallError::Compacted) => etcd.get(&self.member, 0).await?,
            found => found?,
        };
        let mut kvs = found.kvs().iter();
        let same = kvs.any(|kv| kv.create_revision() == self.member_created);
        Ok(if same {
            Delivery::Acknowledged
        } else {
            Delivery::Gone
        })
    }

    /// Deletes the note, so that nobody obeys it when nobody expects it any more.
    async fn take_back(&self, etcd: &Etcd) -> Result<Delivery, CoordinationError> {
        let fail = |error| explain(error, etcd);
        let is_there = Compare::create_revision(self.note.as_str(), CompareOp::Greater, 0);
        let delete = TxnOp::delete(self.note.as_str(), None);
        let txn = Txn::new().when([is_there]).and_then([delete]);
        let reply = etcd.txn(txn).await.map_err(fail)?;
        if reply.succeeded() {
            return Ok(Delivery::Unanswered);
        }
        let now = reply.header().map_or(0, |header| header.revision());
        self.judge(etcd, now).await.map_err(fail)
    }
}

#[cfg(test)]
mod tests;
