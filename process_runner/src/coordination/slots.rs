//! Taking, retaking and giving back a slot: each one transaction, conditioned on what it rests on.
//!
//! | transaction | compares | puts |
//! |---|---|---|
//! | claim | nobody has the slot; the member key and `meta` are ours | the slot on our lease, ledger `held` |
//! | reclaim | the slot is as we wrote it; the member key is ours | the slot anew, ledger `held` |
//! | release | the slot is as we wrote it | deletes the slot, ledger `clean` if it was |
//!
//! Repeating one of them identically is safe: if the first one took place, the second is refused
//! and its `else` branch reads a slot that bears our nonce (or, after a release, no slot of ours).

use etcd_client::{Compare, CompareOp, PutOptions, Txn, TxnOp, TxnOpResponse, TxnResponse};

use super::records::{LedgerRecord, LedgerState, Order, SlotRecord, encode};
use super::{CallError, Session};
use crate::model::{Effect, Nonce, Slot};

/// What etcd said of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The slot is ours since this revision.
    Granted { revision: i64 },
    /// The slot is given back.
    Released,
    /// It did not take place, because the slot is somebody else's or nobody's.
    Refused { owner: Option<String> },
    /// Nobody knows; repeat it identically.
    Unknown { reason: String },
    /// The lease or the member key is gone: the session is over.
    SessionOver,
}

impl Session {
    /// Carries out one transaction of the slot machine.
    ///
    /// Dropped, its outcome is unknown.
    pub(crate) async fn transact(&self, slot: &Slot, effect: Effect) -> Answer {
        let (txn, nonce) = match effect {
            Effect::Claim { nonce } => (self.claim(slot, nonce), Some(nonce)),
            Effect::Reclaim { nonce, revision } => {
                (self.reclaim(slot, nonce, revision), Some(nonce))
            }
            Effect::Release { revision, clean } => (self.release(slot, revision, clean), None),
            Effect::Start { .. } | Effect::Ask(_) | Effect::Lose => {
                return Answer::Refused { owner: None };
            }
        };
        match self.etcd.txn(txn).await {
            Ok(reply) => match nonce {
                Some(nonce) => self.judge_put(&reply, nonce, effect),
                // A release that is refused finds the slot gone or changed: not ours either way.
                None => Answer::Released,
            },
            Err(CallError::LeaseGone) => Answer::SessionOver,
            Err(error) => Answer::Unknown {
                reason: error.to_string(),
            },
        }
    }

    /// An earlier, identical transaction may have taken place: then the slot bears our nonce.
    fn judge_put(&self, reply: &TxnResponse, nonce: Nonce, effect: Effect) -> Answer {
        if reply.succeeded() {
            let revision = reply.header().map_or(0, |header| header.revision());
            return Answer::Granted { revision };
        }
        let mut reads = reply.op_responses().into_iter();
        let slot = reads.next().and_then(first);
        let member = reads.next().and_then(first);
        if member.is_none_or(|member| member.created != self.member_created) {
            return Answer::SessionOver;
        }
        match slot {
            Some(slot) => match serde_json::from_slice::<SlotRecord>(&slot.value) {
                Ok(record) if record.nonce == mark(nonce) => Answer::Granted {
                    revision: slot.modified,
                },
                Ok(record) => Answer::Refused {
                    owner: Some(record.owner),
                },
                Err(_) => Answer::Refused { owner: None },
            },
            // Nobody has the slot and we are a member: only `meta` is left to differ.
            None if matches!(effect, Effect::Claim { .. }) => Answer::SessionOver,
            None => Answer::Refused { owner: None },
        }
    }

    fn claim(&self, slot: &Slot, nonce: Nonce) -> Txn {
        let key = self.keys.slot(slot);
        let absent = Compare::create_revision(key, CompareOp::Equal, 0);
        let store = Compare::mod_revision(self.keys.meta(), CompareOp::Equal, self.meta_revision);
        self.put_slot(slot, nonce, vec![absent, store, self.is_member()])
    }

    fn reclaim(&self, slot: &Slot, nonce: Nonce, revision: i64) -> Txn {
        let key = self.keys.slot(slot);
        let unchanged = Compare::mod_revision(key, CompareOp::Equal, revision);
        self.put_slot(slot, nonce, vec![unchanged, self.is_member()])
    }

    fn put_slot(&self, slot: &Slot, nonce: Nonce, conditions: Vec<Compare>) -> Txn {
        let record = SlotRecord {
            owner: self.node.to_string(),
            incarnation: self.incarnation.to_string(),
            nonce: mark(nonce),
            ordered: Order::default(),
            retiring: false,
        };
        let on_lease = PutOptions::new().with_lease(self.lease);
        Txn::new()
            .when(conditions)
            .and_then([
                TxnOp::put(self.keys.slot(slot), encode(&record), Some(on_lease)),
                self.put_ledger(slot, LedgerState::Held),
            ])
            .or_else(self.read_slot(slot))
    }

    fn release(&self, slot: &Slot, revision: i64, clean: bool) -> Txn {
        let key = self.keys.slot(slot);
        let unchanged = Compare::mod_revision(key.as_str(), CompareOp::Equal, revision);
        let mut operations = vec![TxnOp::delete(key, None)];
        if clean {
            operations.push(self.put_ledger(slot, LedgerState::Clean));
        }
        Txn::new().when([unchanged]).and_then(operations)
    }

    fn put_ledger(&self, slot: &Slot, state: LedgerState) -> TxnOp {
        let record = LedgerRecord {
            state,
            owner: self.node.to_string(),
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

struct Read {
    value: Vec<u8>,
    created: i64,
    modified: i64,
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
