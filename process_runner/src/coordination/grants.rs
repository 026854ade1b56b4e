//! Grants: the leader puts slots that nobody holds on the leases of the nodes they are planned for.
//!
//! For each node, in one transaction while the term lasts:
//!
//! | compares | puts |
//! |---|---|
//! | the member key is as the leader saw it; each slot is absent; so is the grant's entry in the ledger | the slots on the node's lease, for each job one entry of the ledger that says they are held, one note in the node's inbox |
//!
//! A grant that commits late is harmless: either its comparisons refuse it, or it is a holding like
//! any other, under an order that is older than the node's plan, and the node gives it back.
//!
//! The slots' absence alone would let a copy of a grant take effect once more when the node has given
//! the slots back already, as it does at once with those that it only unlocks. The ledger's entry stays.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use etcd_client::{Compare, CompareOp, PutOptions, TxnOp};

use super::guarded::{Guarded, Part, part};
use super::indexes::Indexes;
use super::records::{BatchRecord, NoteRecord, Order, SlotRecord, encode};
use super::{CallError, Session};
use crate::chance::random_u128;
use crate::model::Slot;

/// At most so many operations in one transaction of etcd; what is nested in it gets what its own number
/// leaves.
const OPERATIONS: usize = 128;
/// At most so many in one grant, so that several of the largest fit a transaction.
const OF_ONE: usize = 120;
/// At most so many slots in one transaction: etcd carries it out in one go, and answers nobody meanwhile. With
/// the longest names it stays below the 1.5 MiB that etcd takes.
const SLOTS: usize = 1000;
/// The first has so many, the second twice as many, and so on: what was sent before a newcomer is noticed has
/// to move again.
const FIRST: usize = 200;

/// Slots for one node.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) node: Arc<str>,
    pub(crate) incarnation: Arc<str>,
    pub(crate) lease: i64,
    /// The mod_revision of the node's member key.
    pub(crate) member: i64,
    pub(crate) slots: Vec<Slot>,
    pub(crate) ordered: Order,
    /// Only to unlock what a dead worker had locked.
    pub(crate) retiring: bool,
    /// The mark of this attempt, in the slots and in the note's key.
    nonce: u128,
}

impl Grant {
    /// Nothing for a node yet.
    pub(crate) fn new(
        node: Arc<str>,
        incarnation: Arc<str>,
        (lease, member): (i64, i64),
        ordered: Order,
        retiring: bool,
    ) -> Self {
        Self {
            node,
            incarnation,
            lease,
            member,
            slots: Vec::new(),
            ordered,
            retiring,
            nonce: random_u128(),
        }
    }

    /// The same in grants that fit a transaction each, with marks of their own, and how many operations
    /// each has.
    fn pieces(mut self) -> Vec<(Self, usize)> {
        let slots = std::mem::take(&mut self.slots);
        let mut pieces: Vec<(Self, usize)> = Vec::new();
        let mut jobs = BTreeSet::new();
        for slot in slots {
            // The slot, and perhaps an entry of its job in the ledger.
            let more = 1 + usize::from(!jobs.contains(&slot.job));
            match pieces.last_mut() {
                Some((piece, operations)) if *operations + more <= OF_ONE => {
                    *operations += more;
                    jobs.insert(Arc::clone(&slot.job));
                    piece.slots.push(slot);
                }
                _ => {
                    jobs = BTreeSet::from([Arc::clone(&slot.job)]);
                    let (slots, nonce) = (vec![slot], random_u128());
                    let piece = Self {
                        slots,
                        nonce,
                        ..self.clone()
                    };
                    // And the note.
                    pieces.push((piece, 3));
                }
            }
        }
        pieces
    }
}

/// Splits `grants` into what fits a transaction; one of many slots becomes several.
pub(crate) fn in_transactions(grants: Vec<Grant>) -> Vec<Vec<Grant>> {
    let mut chunks: Vec<Vec<Grant>> = Vec::new();
    let (mut slots, mut widest) = (0, 0);
    for (grant, operations) in grants.into_iter().flat_map(Grant::pieces) {
        let more = grant.slots.len();
        let most = SLOTS.min(FIRST * chunks.len());
        match chunks.last_mut() {
            Some(chunk)
                if slots + more <= most
                    && chunk.len() + 1 + operations.max(widest) <= OPERATIONS =>
            {
                (slots, widest) = (slots + more, operations.max(widest));
                chunk.push(grant);
            }
            _ => {
                (slots, widest) = (more, operations);
                chunks.push(vec![grant]);
            }
        }
    }
    chunks
}

impl Session {
    /// Carries out the grants of one transaction, while `term` lasts. Says of each, in their order,
    /// whether it took place.
    ///
    /// Dropped, the outcome is unknown.
    pub(crate) async fn grant(
        &self,
        term: i64,
        grants: &[Grant],
    ) -> Result<Guarded<Vec<bool>>, CallError> {
        let parts = grants.iter().map(|grant| self.put_grant(grant)).collect();
        Ok(match self.guarded(term, parts).await? {
            Guarded::Deposed(posts) => Guarded::Deposed(posts),
            Guarded::Done(parts) => {
                let parts = parts.into_iter().zip(grants);
                Guarded::Done(
                    parts
                        .map(|(part, grant)| took_place(&part, grant))
                        .collect(),
                )
            }
        })
    }

    fn put_grant(&self, grant: &Grant) -> TxnOp {
        let member = self.keys.member(&grant.node);
        let mut conditions = vec![Compare::mod_revision(
            member,
            CompareOp::Equal,
            grant.member,
        )];
        let mut puts = Vec::with_capacity(grant.slots.len() * 2 + 1);
        let on_lease = || Some(PutOptions::new().with_lease(grant.lease));
        for slot in &grant.slots {
            let key = self.keys.slot(slot);
            conditions.push(Compare::create_revision(key.as_str(), CompareOp::Equal, 0));
            puts.push(TxnOp::put(key, encode(&slot_record(grant)), on_lease()));
        }
        let slots = by_job(grant);
        for (number, (job, indexes)) in slots.iter().enumerate() {
            let key = self.keys.batch(job, grant.nonce);
            // All of them are put together, so one of them says it of all.
            if number == 0 {
                conditions.push(Compare::create_revision(key.as_str(), CompareOp::Equal, 0));
            }
            let record = BatchRecord {
                indexes: indexes.clone(),
                owner: grant.node.to_string(),
            };
            puts.push(TxnOp::put(key, encode(&record), None));
        }
        let note = NoteRecord::Arrived {
            slots,
            ordered: grant.ordered,
            retiring: grant.retiring,
        };
        let key = self.keys.note(&grant.node, grant.nonce);
        puts.push(TxnOp::put(key, encode(&note), on_lease()));
        let first = grant.slots.iter().take(1);
        let reads = first.map(|slot| TxnOp::get(self.keys.slot(slot), None));
        part(conditions, puts, reads.collect())
    }
}

/// A copy that committed earlier refuses the later ones, and is found by its mark.
fn took_place(part: &Part, grant: &Grant) -> bool {
    match part {
        Part::Done { .. } => true,
        Part::Refused { reads } => reads
            .first()
            .and_then(|get| get.kvs().first())
            .and_then(|kv| serde_json::from_slice::<SlotRecord>(kv.value()).ok())
            .is_some_and(|record| record.nonce == mark(grant)),
    }
}

fn mark(grant: &Grant) -> String {
    format!("{:032x}", grant.nonce)
}

fn slot_record(grant: &Grant) -> SlotRecord {
    SlotRecord {
        owner: grant.node.to_string(),
        incarnation: grant.incarnation.to_string(),
        nonce: mark(grant),
        ordered: grant.ordered,
        retiring: grant.retiring,
    }
}

fn by_job(grant: &Grant) -> BTreeMap<String, Indexes> {
    let mut slots: BTreeMap<String, Indexes> = BTreeMap::new();
    for slot in &grant.slots {
        let indexes = slots.entry(slot.job.to_string()).or_default();
        indexes.insert(slot.index);
    }
    slots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_cut_to_what_fits_a_transaction_each_with_its_own_mark() {
        let grant = |node: &str, slots: u32| {
            let order = Order::default();
            let mut grant = Grant::new(node.into(), "x".into(), (1, 2), order, false);
            grant.slots = (0..slots).map(|index| Slot::new("j", index)).collect();
            grant
        };
        let chunks = in_transactions(vec![grant("a", 300), grant("b", 0), grant("c", 30)]);
        assert_eq!(shape(&chunks), [vec![118], vec![118, 64, 30]]);
        let marks: BTreeSet<_> = chunks.iter().flatten().map(|grant| grant.nonce).collect();
        assert_eq!(marks.len(), 4);
        let many = (0..45).map(|number| grant(&format!("n{number}"), 100));
        let chunks = in_transactions(many.collect());
        let sizes: Vec<_> = chunks.iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 4, 6, 8, 10, 10, 5]);
        let few = (0..200).map(|number| grant(&format!("n{number}"), 1));
        let chunks = in_transactions(few.collect());
        assert_eq!(shape(&chunks), [vec![1; 125], vec![1; 75]]);
    }

    #[test]
    fn the_longest_names_fit_a_request() {
        let keys = super::super::keys::Keys::new(&"/1234567".repeat(25));
        let slot = Slot::new("j".repeat(100), u32::MAX);
        let record = SlotRecord {
            owner: "n".repeat(100),
            incarnation: "0".repeat(32),
            nonce: "0".repeat(32),
            ordered: Order {
                term: i64::MAX,
                generation: u64::MAX,
            },
            retiring: true,
        };
        // The key is compared and put; fields, lengths, the lease, and the index in the note and in the ledger
        // take less than 100 bytes.
        let each = 2 * keys.slot(&slot).len() + encode(&record).len() + 100;
        assert!(SLOTS * each < 3 << 19, "{each}");
    }

    fn shape(chunks: &[Vec<Grant>]) -> Vec<Vec<usize>> {
        let sizes = |chunk: &Vec<Grant>| chunk.iter().map(|grant| grant.slots.len()).collect();
        chunks.iter().map(sizes).collect()
    }

    #[test]
    fn a_slot_of_another_job_needs_an_entry_of_its_own_in_the_ledger() {
        let mut grant = Grant::new("a".into(), "x".into(), (1, 2), Order::default(), false);
        grant.slots = (0..100)
            .map(|job| Slot::new(format!("j{job}"), 0))
            .collect();
        let chunks = in_transactions(vec![grant]);
        let pieces = chunks[0].iter().map(|piece| piece.slots.len());
        assert_eq!(pieces.collect::<Vec<_>>(), [59, 41]);
    }
}
