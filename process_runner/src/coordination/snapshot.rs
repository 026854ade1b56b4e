//! The cluster as it is: everything that `status` and the steering commands look at.
//!
//! All of it is read in one transaction, at one revision, so that a slot on its way from one node
//! to another is seen with one of them and never with neither.
//!
//! # How it fails
//!
//! A value that cannot be read is left out and named, as the leader leaves it out of its plans: one bad
//! key must not blind whoever looks for it. Only without `meta` nothing can be said, because no fence can.

use std::collections::BTreeMap;
use std::sync::Arc;

use etcd_client::{GetResponse, KeyValue};

use super::follow::Entry;
use super::keys::{Keys, PlannerKey};
use super::ledger::Ledger;
use super::records::{
    ConfigRecord, LeaderRecord, LedgerRecord, MemberRecord, MetaRecord, OverrideRecord, PlanRecord,
    SlotRecord, StatusRecord, decode,
};
use super::session::explain;
use super::{CoordinationError, Etcd};
use crate::model::{Fence, Slot, one_line};

/// Of what is wrong with a value, in characters: it may quote that value.
const LONGEST_ERROR: usize = 500;

/// Everything that is known of a cluster.
#[derive(Debug, Default)]
pub(crate) struct ClusterSnapshot {
    pub(crate) revision: i64,
    pub(crate) leader: Option<Leading>,
    pub(crate) members: BTreeMap<Arc<str>, Member>,
    pub(crate) overrides: BTreeMap<Arc<str>, OverrideRecord>,
    pub(crate) slots: BTreeMap<Slot, OwnedSlot>,
    /// By node. A plan for an earlier incarnation is left out.
    pub(crate) plans: BTreeMap<String, PlanRecord>,
    pub(crate) configs: BTreeMap<String, ConfigRecord>,
    /// By node.
    pub(crate) statuses: BTreeMap<String, StatusRecord>,
    pub(crate) epoch: u16,
    pub(crate) unreadable: Vec<Unreadable>,
}

/// A key whose value was left out.
#[derive(Debug, Clone)]
pub(crate) struct Unreadable {
    pub(crate) key: String,
    /// What is wrong with it, and what to do.
    pub(crate) error: String,
    /// The slot, if it is the key of one.
    pub(crate) slot: Option<Slot>,
}

/// Who leads.
#[derive(Debug, Clone)]
pub(crate) struct Leading {
    pub(crate) record: LeaderRecord,
    pub(crate) term: i64,
}

/// A living node.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) record: MemberRecord,
    pub(crate) create_revision: i64,
}

/// A slot with its owner.
#[derive(Debug, Clone)]
pub(crate) struct OwnedSlot {
    pub(crate) record: SlotRecord,
    pub(crate) mod_revision: i64,
}

impl OwnedSlot {
    /// The fence under which it is held. `None`: a revision that no fence can hold.
    pub(crate) fn fence(&self, epoch: u16) -> Option<u64> {
        Fence::new(epoch, self.mod_revision).map(Fence::get)
    }
}

/// Reads a whole cluster. Cancel safe.
pub(crate) async fn read_cluster(
    etcd: &Etcd,
    keys: &Keys,
) -> Result<ClusterSnapshot, CoordinationError> {
    let ranges = [
        keys.planner_range(),
        keys.inboxes(),
        keys.configs(),
        keys.statuses(),
    ];
    let (revision, answers) = etcd
        .ranges(ranges)
        .await
        .map_err(|error| explain(error, etcd))?;
    let mut cluster = ClusterSnapshot {
        revision,
        ..ClusterSnapshot::default()
    };
    for kv in answers.iter().flat_map(GetResponse::kvs) {
        if let Err(error) = cluster.take(keys, kv) {
            cluster.leave_out(keys, kv, error)?;
        }
    }
    cluster.forget_old_plans();
    cluster.spread_statuses();
    Ok(cluster)
}

/// What is known of the last holding of a slot. Cancel safe.
pub(crate) async fn read_ledger(
    etcd: &Etcd,
    keys: &Keys,
    slot: &Slot,
) -> Result<Option<LedgerRecord>, CoordinationError> {
    let ranges = [keys.only(keys.fence(slot)), keys.batches_of(&slot.job)];
    let read = etcd.ranges(ranges).await;
    let (_, answers) = read.map_err(|error| explain(error, etcd))?;
    let entries = answers.iter().flat_map(GetResponse::kvs).map(Entry::from);
    let ledger = Ledger::of(keys, entries);
    Ok(ledger.entry(slot).cloned())
}

impl ClusterSnapshot {
    /// Takes one key in. Keys of another version's making are passed over.
    fn take(&mut self, keys: &Keys, kv: &KeyValue) -> Result<(), CoordinationError> {
        let name = String::from_utf8_lossy(kv.key());
        let within = |range: &super::keys::Range| range.holds(kv.key());
        if let Some(key) = keys.parse_planner(kv.key()) {
            return self.take_planner(key, &name, kv);
        }
        let last = keys.name(kv.key()).unwrap_or_default().to_owned();
        if let Some(node) = keys.parse_plan(kv.key()) {
            self.plans
                .insert(node.to_owned(), decode(&name, kv.value())?);
        } else if within(&keys.configs()) {
            self.configs.insert(last, decode(&name, kv.value())?);
        } else if within(&keys.statuses()) {
            self.statuses.insert(last, decode(&name, kv.value())?);
        }
        Ok(())
    }

    /// Names a key that could not be taken in, if anything can be said without it.
    fn leave_out(
        &mut self,
        keys: &Keys,
        kv: &KeyValue,
        error: CoordinationError,
    ) -> Result<(), CoordinationError> {
        let slot = match keys.parse_planner(kv.key()) {
            Some(PlannerKey::Meta) => return Err(error),
            Some(PlannerKey::Slot(slot)) => Some(slot),
            _ => None,
        };
        self.unreadable.push(Unreadable {
            key: String::from_utf8_lossy(kv.key()).into_owned(),
            error: one_line(&error.to_string(), LONGEST_ERROR),
            slot,
        });
        Ok(())
    }

    fn take_planner(
        &mut self,
        key: PlannerKey,
        name: &str,
        kv: &KeyValue,
    ) -> Result<(), CoordinationError> {
        match key {
            PlannerKey::Job(job) => {
                self.overrides.insert(job, decode(name, kv.value())?);
            }
            PlannerKey::Leader => {
                self.leader = Some(Leading {
                    record: decode(name, kv.value())?,
                    term: kv.create_revision(),
                });
            }
            PlannerKey::Member(node) => {
                let member = Member {
                    record: decode(name, kv.value())?,
                    create_revision: kv.create_revision(),
                };
                self.members.insert(node, member);
            }
            PlannerKey::Meta => {
                let meta: MetaRecord = decode(name, kv.value())?;
                self.epoch = meta.epoch;
            }
            PlannerKey::Slot(slot) => {
                let owned = OwnedSlot {
                    record: decode(name, kv.value())?,
                    mod_revision: kv.mod_revision(),
                };
                self.slots.insert(slot, owned);
            }
        }
        Ok(())
    }

    fn forget_old_plans(&mut self) {
        let members = &self.members;
        self.plans.retain(|node, plan| {
            let member = members.get(&**node);
            member.is_some_and(|member| member.record.incarnation == plan.incarnation)
        });
    }

    /// Gives each worker that a status names by range a record, if the slot was not taken anew since.
    fn spread_statuses(&mut self) {
        let (epoch, slots) = (self.epoch, &self.slots);
        for (node, status) in &mut self.statuses {
            let jobs: BTreeMap<_, Arc<str>> = status
                .running
                .keys()
                .map(|job| (job.clone(), Arc::from(job.as_str())))
                .collect();
            status.spread(|job, index| {
                let slot = Slot {
                    job: Arc::clone(jobs.get(job)?),
                    index,
                };
                let owned = slots.get(&slot)?;
                let owns = owned.record.owner == *node;
                owns.then(|| owned.fence(epoch)).flatten()
            });
        }
    }

    /// The owner of a slot, if it lives and is the process that took the slot.
    pub(crate) fn living_owner(&self, owned: &OwnedSlot) -> Option<&Member> {
        let member = self.members.get(&*owned.record.owner)?;
        (member.record.incarnation == owned.record.incarnation).then_some(member)
    }
}

#[cfg(test)]
mod tests;
