//! Retaking, handing over and giving back a slot: each one transaction, conditioned on what it
//! rests on.
//!
//! | transaction | compares | puts |
//! |---|---|---|
//! | reclaim | the slot is as we wrote it; the member key is ours | the slot anew, ledger `held` |
//! | transfer | the slot is as we wrote it; our plan and the target's member key are as they were | the slot on the target's lease, ledger `held`, a note to the target |
//! | release | the slot is as we wrote it | deletes the slot, ledger `clean` if it was |
//!
//! Slots that nobody has are granted by the leader (see `grants`); a node takes none by itself.
//!
//! Repeating one of them identically is safe: if the first one took place, the second is refused
//! and its `else` branch reads a slot that bears our nonce (or, after a release, no slot of ours).
//! And a refusal is final: what was compared are revisions, and a revision never comes back.

use std::collections::BTreeMap;
use std::sync::Arc;

use etcd_client::{Compare, CompareOp, PutOptions, Txn, TxnOp, TxnOpResponse, TxnResponse};

use super::indexes::Indexes;
use super::records::{
    Destination, LedgerRecord, LedgerState, NoteRecord, Order, SlotRecord, encode,
};
use super::{CallError, Session};
use crate::model::{Nonce, Slot};

/// What etcd said of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The slot is ours since this revision.
    Granted { revision: i64 },
    /// The slot is given back or handed over.
    Released,
    /// It did not take place and never will, because what it rests on changed.
    Refused { owner: Option<String> },
    /// The slot is not as we wrote it: it is not ours any more.
    Lost { owner: Option<String> },
    /// Nobody knows; repeat it identically.
    Unknown { reason: String },
    /// The lease or the member key is gone: the session is over.
    SessionOver,
}

/// One transaction of a slot that this node owns. Sent again as it is while its outcome is unknown.
#[derive(Debug, Clone)]
pub(crate) enum Transaction {
    Reclaim {
        nonce: Nonce,
        revision: i64,
        ordered: Order,
        retiring: bool,
    },
    Transfer {
        nonce: Nonce,
        revision: i64,
        target: Arc<Target>,
    },
    Release {
        revision: i64,
        clean: bool,
    },
}

/// Where slots go, and the plan that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) node: String,
    pub(crate) destination: Destination,
    pub(crate) ordered: Order,
    /// Our plan key's mod_revision.
    pub(crate) plan: i64,
}

impl Session {
    /// Carries out one transaction.
    ///
    /// Dropped, its outcome is unknown.
    pub(crate) async fn transact(&self, slot: &Slot, transaction: &Transaction) -> Answer {
        let txn = match transaction {
            Transaction::Reclaim { .. } => self.reclaim(slot, transaction),
            Transaction::Transfer {
                nonce,
                revision,
                target,
            } => self.transfer(slot, *nonce, *revision, target),
            Transaction::Release { revision, clean } => self.release(slot, *revision, *clean),
        };
        match self.etcd.txn(txn).await {
            Ok(reply) => match transaction {
                Transaction::Reclaim { nonce, .. } => self.judge_reclaim(&reply, *nonce),
                Transaction::Transfer {
                    nonce, revision, ..
                } => self.judge_transfer(&reply, *nonce, *revision),
                // A release that is refused finds the slot gone or changed: not ours either way.
                Transaction::Release { .. } => Answer::Released,
            },
            // The target's lease may be the one that is gone; a transfer is conditioned on its
            // member key, but the key may outlive its lease by a moment.
            Err(CallError::LeaseGone) if matches!(transaction, Transaction::Transfer { .. }) => {
                Answer::Refused { owner: None }
            }
            Err(CallError::LeaseGone) => Answer::SessionOver,
            Err(error) => Answer::Unknown {
                reason: error.to_string(),
            },
        }
    }

    /// An earlier, identical transaction may have taken place: then the slot bears our nonce.
    fn judge_reclaim(&self, reply: &TxnResponse, nonce: Nonce) -> Answer {
        if reply.succeeded() {
            let revision = reply.header().map_or(0, |header| header.revision());
            return Answer::Granted { revision };
        }
        let (slot, member) = reads(reply);
        if member.is_none_or(|member| member.created != self.member_created) {
            return Answer::SessionOver;
        }
        match slot.and_then(|slot| Some((slot.modified, slot.record()?))) {
            Some((revision, record)) if record.nonce == mark(nonce) => Answer::Granted { revision },
            Some((_, record)) => Answer::Refused {
                owner: Some(record.owner),
            },
            None => Answer::Refused { owner: None },
        }
    }

    /// The slot bears our nonce if an earlier, identical transaction took place. Else it is ours
    /// still, and only the target or the plan changed, or it is not.
    fn judge_transfer(&self, reply: &TxnResponse, nonce: Nonce, revision: i64) -> Answer {
        if reply.succeeded() {
            return Answer::Released;
        }
        let (slot, member) = reads(reply);
        if member.is_none_or(|member| member.created != self.member_created) {
            return Answer::SessionOver;
        }
        let Some(slot) = slot else {
            return Answer::Lost { owner: None };
        };
        if slot.modified == revision {
            return Answer::Refused { owner: None };
        }
        match slot.record() {
            Some(record) if record.nonce == mark(nonce) => Answer::Released,
            record => Answer::Lost {
                owner: record.map(|record| record.owner),
            },
        }
    }

    fn reclaim(&self, slot: &Slot, transaction: &Transaction) -> Txn {
        let Transaction::Reclaim {
            nonce,
            revision,
            ordered,
            retiring,
        } = *transaction
        else {
            return Txn::new();
        };
        let record = SlotRecord {
            owner: self.node.to_string(),
            incarnation: self.incarnation.to_string(),
            nonce: mark(nonce),
            ordered,
            retiring,
        };
        let on_lease = PutOptions::new().with_lease(self.lease);
        Txn::new()
            .when([self.unchanged(slot, revision), self.is_member()])
            .and_then([
                TxnOp::put(self.keys.slot(slot), encode(&record), Some(on_lease)),
                self.put_ledger(slot, LedgerState::Held, &self.node),
            ])
            .or_else(self.read_slot(slot))
    }

    fn transfer(&self, slot: &Slot, nonce: Nonce, revision: i64, target: &Target) -> Txn {
        let (node, destination) = (&target.node, &target.destination);
        let record = SlotRecord {
            owner: node.clone(),
            incarnation: destination.incarnation.clone(),
            nonce: mark(nonce),
            ordered: target.ordered,
            retiring: false,
        };
        let note = NoteRecord::Arrived {
            slots: BTreeMap::from([(slot.job.to_string(), Indexes::from_iter([slot.index]))]),
            ordered: target.ordered,
            retiring: false,
        };
        let on_lease = || Some(PutOptions::new().with_lease(destination.lease));
        let plan = self.keys.plan(&self.node);
        let member = self.keys.member(node);
        Txn::new()
            .when([
                self.unchanged(slot, revision),
                Compare::mod_revision(plan, CompareOp::Equal, target.plan),
                Compare::mod_revision(member, CompareOp::Equal, destination.member),
            ])
            .and_then([
                TxnOp::put(self.keys.slot(slot), encode(&record), on_lease()),
                self.put_ledger(slot, LedgerState::Held, node),
                TxnOp::put(self.keys.note(node, nonce), encode(&note), on_lease()),
            ])
            .or_else(self.read_slot(slot))
    }

    fn release(&self, slot: &Slot, revision: i64, clean: bool) -> Txn {
        let mut operations = vec![TxnOp::delete(self.keys.slot(slot), None)];
        if clean {
            operations.push(self.put_ledger(slot, LedgerState::Clean, &self.node));
        }
        Txn::new()
            .when([self.unchanged(slot, revision)])
            .and_then(operations)
    }

    fn unchanged(&self, slot: &Slot, revision: i64) -> Compare {
        Compare::mod_revision(self.keys.slot(slot), CompareOp::Equal, revision)
    }

    fn put_ledger(&self, slot: &Slot, state: LedgerState, owner: &str) -> TxnOp {
        let record = LedgerRecord {
            state,
            owner: owner.to_owned(),
        };
        TxnOp::put(self.keys.fence(slot), encode(&record), None)
    }

    /// Holds while the member key is the one this session put.
    pub(super) fn is_member(&self) -> Compare {
        let key = self.keys.member(&self.node);
        Compare::create_revision(key, CompareOp::Equal, self.member_created)
    }

    fn read_slot(&self, slot: &Slot) -> Vec<TxnOp> {
        vec![
            TxnOp::get(self.keys.slot(slot), None),
            TxnOp::get(self.keys.member(&self.node), None),
        ]
    }
}

/// A nonce as the slot's record shows it.
fn mark(nonce: Nonce) -> String {
    format!("{nonce:032x}")
}

/// The slot and our member key, as the `else` branch read them.
fn reads(reply: &TxnResponse) -> (Option<Read>, Option<Read>) {
    let mut reads = reply.op_responses().into_iter();
    let slot = reads.next().and_then(first);
    (slot, reads.next().and_then(first))
}

struct Read {
    value: Vec<u8>,
    created: i64,
    modified: i64,
}

impl Read {
    fn record(&self) -> Option<SlotRecord> {
        serde_json::from_slice(&self.value).ok()
    }
}

fn first(response: TxnOpResponse) -> Option<Read> {
    match response {
        TxnOpResponse::Get(get) => get.kvs().first().map(|kv| Read {
            value: kv.value().to_vec(),
            created: kv.create_revision(),
            modified: kv.mod_revision(),
        }),
        _ => None,
    }
}
