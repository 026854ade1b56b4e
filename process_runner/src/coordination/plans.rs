//! Plans, as the leader writes and reads them: one key in each node's inbox, on that node's lease.
//!
//! A write compares the plan's own mod_revision: a copy of it that commits late, after a newer plan
//! of the same term, must not bring the old one back. It compares the member key's create_revision,
//! so that a plan never lands on the lease of another incarnation.

use std::collections::BTreeMap;
use std::sync::Arc;

use etcd_client::{Compare, CompareOp, GetResponse, PutOptions, TxnOp};

use super::guarded::{Guarded, Part, part};
use super::records::{PlanRecord, decode, encode};
use super::{CallError, Session};

/// At most so many plans in one transaction: with their own comparisons and reads they stay below
/// etcd's limit of 128 operations.
const PLANS: usize = 100;
/// At most about so many bytes; etcd's limit is 1.5 MiB.
const BYTES: usize = 512 << 10;

/// A plan as it stands in etcd.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct StoredPlan {
    pub(crate) record: PlanRecord,
    /// The key's mod_revision; 0 if there is none.
    pub(crate) revision: i64,
}

/// A plan to write.
#[derive(Debug, Clone)]
pub(crate) struct PlanWrite {
    pub(crate) node: Arc<str>,
    pub(crate) lease: i64,
    /// The create_revision of the node's member key.
    pub(crate) member_created: i64,
    /// The mod_revision of the plan that this one replaces; 0 if there is none.
    pub(crate) replaces: i64,
    pub(crate) record: PlanRecord,
}

/// What became of a plan.
#[derive(Debug)]
pub(crate) enum PlanAnswer {
    /// It stands in etcd, with this mod_revision.
    Written { revision: i64 },
    /// It does not, because the node or its plan is another one. This is what stands there.
    Refused { stands: Option<StoredPlan> },
}

/// Splits `writes`, in their order, into what fits a transaction.
pub(crate) fn in_transactions(writes: Vec<PlanWrite>) -> Vec<Vec<PlanWrite>> {
    let mut chunks: Vec<Vec<PlanWrite>> = Vec::new();
    let mut bytes = 0;
    for write in writes {
        let size = encode(&write.record).len();
        match chunks.last_mut() {
            Some(chunk) if chunk.len() < PLANS && bytes + size <= BYTES => {
                bytes += size;
                chunk.push(write);
            }
            _ => {
                bytes = size;
                chunks.push(vec![write]);
            }
        }
    }
    chunks
}

impl Session {
    /// Writes the plans of one transaction, while `term` lasts. The answers are in their order.
    ///
    /// Dropped, the outcome is unknown.
    pub(crate) async fn write_plans(
        &self,
        term: i64,
        writes: &[PlanWrite],
    ) -> Result<Guarded<Vec<PlanAnswer>>, CallError> {
        let parts = writes.iter().map(|write| self.put_plan(write)).collect();
        Ok(match self.guarded(term, parts).await? {
            Guarded::Deposed(posts) => Guarded::Deposed(posts),
            Guarded::Done(parts) => {
                let parts = parts.into_iter().zip(writes);
                Guarded::Done(parts.map(|(part, write)| judge(part, write)).collect())
            }
        })
    }

    /// Reads all plans. Cancel safe.
    pub(crate) async fn read_plans(&self) -> Result<BTreeMap<Arc<str>, StoredPlan>, CallError> {
        let inboxes = self.read(&self.keys.inboxes()).await?;
        let plans = inboxes.kvs().iter().filter_map(|kv| {
            let node = self.keys.parse_plan(kv.key())?;
            Some((node.into(), stored(kv.key(), kv.value(), kv.mod_revision())))
        });
        Ok(plans.collect())
    }

    fn put_plan(&self, write: &PlanWrite) -> TxnOp {
        let key = self.keys.plan(&write.node);
        let member = self.keys.member(&write.node);
        let on_lease = PutOptions::new().with_lease(write.lease);
        part(
            vec![
                Compare::create_revision(member, CompareOp::Equal, write.member_created),
                Compare::mod_revision(key.as_str(), CompareOp::Equal, write.replaces),
            ],
            vec![TxnOp::put(
                key.as_str(),
                encode(&write.record),
                Some(on_lease),
            )],
            vec![TxnOp::get(key, None)],
        )
    }
}

/// A copy that committed earlier refuses the later ones, and is found by its value.
fn judge(part: Part, write: &PlanWrite) -> PlanAnswer {
    let reads = match part {
        Part::Done { revision } => return PlanAnswer::Written { revision },
        Part::Refused { reads } => reads,
    };
    let stands = reads.first().and_then(found);
    match stands {
        Some(plan) if plan.record == write.record => PlanAnswer::Written {
            revision: plan.revision,
        },
        stands => PlanAnswer::Refused { stands },
    }
}

fn found(get: &GetResponse) -> Option<StoredPlan> {
    let kv = get.kvs().first()?;
    Some(stored(kv.key(), kv.value(), kv.mod_revision()))
}

fn stored(key: &[u8], value: &[u8], revision: i64) -> StoredPlan {
    let record = decode(&String::from_utf8_lossy(key), value).unwrap_or_else(|error| {
        // As if it were another incarnation's: it is replaced by the next pass.
        tracing::warn!(%error, "a plan is replaced");
        PlanRecord::default()
    });
    StoredPlan { record, revision }
}
