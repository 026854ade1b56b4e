//! Retaking, handing over and giving back a slot: each one transaction, conditioned on what it
//! rests on. Those of several slots travel in one, as parts that are judged each by itself.
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

use etcd_client::{Compare, CompareOp, GetResponse, KeyValue, PutOptions, Txn, TxnOp};

use super::guarded::{Part, judged, part};
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
    /// Carries out these transactions in one, each judged by itself: they must be of different slots,
    /// and all transfers among them must go to one node. The answers stand in their order.
    ///
    /// Dropped, their outcome is unknown.
    pub(crate) async fn transact(&self, calls: &[(&Slot, &Transaction)]) -> Vec<Answer> {
        let parts = calls.iter().map(|(slot, of)| self.part_of(slot, of));
        let txn = Txn::new().and_then(parts.collect::<Vec<_>>());
        match self.etcd.txn(txn).await {
            Ok(reply) => {
                let parts = judged(reply).into_iter().zip(calls);
                parts.map(|(part, (_, of))| self.answer(part, of)).collect()
            }
            Err(error) => calls.iter().map(|(_, of)| failed(&error, of)).collect(),
        }
    }

    fn part_of(&self, slot: &Slot, transaction: &Transaction) -> TxnOp {
        match transaction {
            Transaction::Reclaim {
                nonce,
                revision,
                ordered,
                retiring,
            } => self.reclaim(slot, *revision, (*nonce, *ordered, *retiring)),
            Transaction::Transfer {
                nonce,
                revision,
                target,
            } => self.transfer(slot, *nonce, *revision, target),
            Transaction::Release { revision, clean } => self.release(slot, *revision, *clean),
        }
    }

    fn answer(&self, part: Part, transaction: &Transaction) -> Answer {
        match (transaction, part) {
            (Transaction::Reclaim { .. }, Part::Done { revision }) => Answer::Granted { revision },
            (Transaction::Reclaim { nonce, .. }, Part::Refused { reads }) => {
                self.judge_reclaim(&reads, *nonce)
            }
            (
                Transaction::Transfer {
                    nonce, revision, ..
                },
                Part::Refused { reads },
            ) => self.judge_transfer(&reads, *nonce, *revision),
            // A release that is refused finds the slot gone or changed: not ours either way.
            (Transaction::Transfer { .. } | Transaction::Release { .. }, _) => Answer::Released,
        }
    }

    /// An earlier, identical transaction may have taken place: then the slot bears our nonce.
    fn judge_reclaim(&self, reads: &[GetResponse], nonce: Nonce) -> Answer {
        let (slot, member) = (read(reads, 0), read(reads, 1));
        if member.is_none_or(|member| member.create_revision() != self.member_created) {
            return Answer::SessionOver;
        }
        match slot.and_then(|slot| Some((slot.mod_revision(), record(slot)?))) {
            Some((revision, record)) if record.nonce == mark(nonce) => Answer::Granted { revision },
            Some((_, record)) => Answer::Refused {
                owner: Some(record.owner),
            },
            None => Answer::Refused { owner: None },
        }
    }

    /// The slot bears our nonce if an earlier, identical transaction took place. Else it is ours
    /// still, and only the target or the plan changed, or it is not.
    fn judge_transfer(&self, reads: &[GetResponse], nonce: Nonce, revision: i64) -> Answer {
        let (slot, member) = (read(reads, 0), read(reads, 1));
        if member.is_none_or(|member| member.create_revision() != self.member_created) {
            return Answer::SessionOver;
        }
        let Some(slot) = slot else {
            return Answer::Lost { owner: None };
        };
        if slot.mod_revision() == revision {
            return Answer::Refused { owner: None };
        }
        match record(slot) {
            Some(record) if record.nonce == mark(nonce) => Answer::Released,
            record => Answer::Lost {
                owner: record.map(|record| record.owner),
            },
        }
    }

    fn reclaim(
        &self,
        slot: &Slot,
        revision: i64,
        (nonce, ordered, retiring): (Nonce, Order, bool),
    ) -> TxnOp {
        let record = SlotRecord {
            owner: self.node.to_string(),
            incarnation: self.incarnation.to_string(),
            nonce: mark(nonce),
            ordered,
            retiring,
        };
        let on_lease = PutOptions::new().with_lease(self.lease);
        part(
            vec![self.unchanged(slot, revision), self.is_member()],
            vec![
                TxnOp::put(self.keys.slot(slot), encode(&record), Some(on_lease)),
                self.put_ledger(slot, LedgerState::Held, &self.node),
            ],
            self.read_slot(slot),
        )
    }

    fn transfer(&self, slot: &Slot, nonce: Nonce, revision: i64, target: &Target) -> TxnOp {
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
        part(
            vec![
                self.unchanged(slot, revision),
                Compare::mod_revision(plan, CompareOp::Equal, target.plan),
                Compare::mod_revision(member, CompareOp::Equal, destination.member),
            ],
            vec![
                TxnOp::put(self.keys.slot(slot), encode(&record), on_lease()),
                self.put_ledger(slot, LedgerState::Held, node),
                TxnOp::put(self.keys.note(node, nonce), encode(&note), on_lease()),
            ],
            self.read_slot(slot),
        )
    }

    fn release(&self, slot: &Slot, revision: i64, clean: bool) -> TxnOp {
        let mut operations = vec![TxnOp::delete(self.keys.slot(slot), None)];
        if clean {
            operations.push(self.put_ledger(slot, LedgerState::Clean, &self.node));
        }
        part(vec![self.unchanged(slot, revision)], operations, Vec::new())
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

/// What a transaction came to that etcd refused or did not answer.
fn failed(error: &CallError, transaction: &Transaction) -> Answer {
    match (error, transaction) {
        // The target's lease may be the one that is gone; a transfer is conditioned on its
        // member key, but the key may outlive its lease by a moment.
        (CallError::LeaseGone, Transaction::Transfer { .. }) => Answer::Refused { owner: None },
        (CallError::LeaseGone, _) => Answer::SessionOver,
        (error, _) => Answer::Unknown {
            reason: error.to_string(),
        },
    }
}

/// The slot (0) and our member key (1), as the `else` branch read them.
fn read(reads: &[GetResponse], number: usize) -> Option<&KeyValue> {
    reads.get(number)?.kvs().first()
}

fn record(slot: &KeyValue) -> Option<SlotRecord> {
    serde_json::from_slice(slot.value()).ok()
}
