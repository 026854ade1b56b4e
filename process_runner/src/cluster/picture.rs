//! What was read of a cluster, with the questions that are asked of it again and again answered
//! once: what holds for each job, who is to run each slot, and how its worker stands.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::in_force::{self, InForce};
use crate::coordination::{ClusterSnapshot, Order, OwnedSlot, WorkerRecord};
use crate::model::{Fence, Slot};

/// A job's name and a worker index.
type Key<'a> = (&'a str, u32);

/// A cluster at one revision.
pub(super) struct Picture<'a> {
    pub(super) cluster: &'a ClusterSnapshot,
    /// Milliseconds since 1970: when it was looked at.
    pub(super) now: u64,
    pub(super) jobs: BTreeMap<Arc<str>, InForce<'a>>,
    /// The node that each slot is planned for, and by which plan.
    planned: HashMap<Key<'a>, (&'a str, Order)>,
    /// What living nodes report, by node.
    reports: HashMap<&'a str, HashMap<Key<'a>, &'a WorkerRecord>>,
    /// What each node owns, or is planned to own if it has a plan: in all, and of each job.
    loads: HashMap<&'a str, Load<'a>>,
}

/// How much a node has.
#[derive(Default)]
pub(super) struct Load<'a> {
    pub(super) slots: u64,
    pub(super) by_job: HashMap<&'a str, u64>,
}

impl<'a> Picture<'a> {
    pub(super) fn new(cluster: &'a ClusterSnapshot, now: u64) -> Self {
        Self {
            jobs: in_force::jobs(cluster, now),
            planned: planned(cluster),
            reports: reports(cluster),
            loads: loads(cluster),
            cluster,
            now,
        }
    }

    /// The node that the plans name for a slot.
    pub(super) fn planned<'s>(&'s self, slot: &'s Slot) -> Option<&'s str> {
        self.plan_of(slot).map(|(node, _)| node)
    }

    /// The node that the plans name for a slot, and which plan it is.
    pub(super) fn plan_of<'s>(&'s self, slot: &'s Slot) -> Option<(&'s str, Order)> {
        self.planned.get(&(&*slot.job, slot.index)).copied()
    }

    /// What the owner says of the slot's worker under its present fence.
    pub(super) fn report<'s>(
        &'s self,
        slot: &'s Slot,
        owned: &'s OwnedSlot,
    ) -> Option<&'s WorkerRecord> {
        self.cluster.living_owner(owned)?;
        let of_node = self.reports.get(owned.record.owner.as_str())?;
        let worker = of_node.get(&(&*slot.job, slot.index))?;
        // 0: the worker is being started, or the slot is being given back.
        let current = worker.fence == 0 || Some(worker.fence) == self.fence(owned);
        current.then_some(worker)
    }

    /// What a node has, by its plan if there is one.
    pub(super) fn load(&self, node: &str) -> Option<&Load<'a>> {
        self.loads.get(node)
    }

    pub(super) fn fence(&self, owned: &OwnedSlot) -> Option<u64> {
        Fence::new(self.cluster.epoch, owned.mod_revision).map(Fence::get)
    }

    /// True if every living node has said how each of its slots stands, with counters.
    pub(super) fn is_counted(&self) -> bool {
        self.cluster.slots.iter().all(|(slot, owned)| {
            let reported = self
                .report(slot, owned)
                .is_some_and(|worker| worker.records.is_some() || worker.state != "running");
            reported || self.cluster.living_owner(owned).is_none()
        })
    }
}

/// While plans change, two of them may name a slot: the newer one counts.
fn planned(cluster: &ClusterSnapshot) -> HashMap<Key<'_>, (&str, Order)> {
    let mut planned: HashMap<Key<'_>, (&str, Order)> = HashMap::new();
    for (node, plan) in &cluster.plans {
        for (job, indexes) in &plan.slots {
            for index in indexes.iter() {
                let entry = planned.entry((job, index)).or_insert((node, plan.ordered));
                if entry.1 < plan.ordered {
                    *entry = (node, plan.ordered);
                }
            }
        }
    }
    planned
}

fn reports(cluster: &ClusterSnapshot) -> HashMap<&str, HashMap<Key<'_>, &WorkerRecord>> {
    let living = cluster.statuses.iter().filter(|(node, status)| {
        let member = cluster.members.get(node.as_str());
        member.is_some_and(|member| member.record.incarnation == status.incarnation)
    });
    living
        .map(|(node, status)| {
            let workers = status.workers.iter();
            let by_slot = workers.map(|worker| ((worker.job.as_str(), worker.index), worker));
            (node.as_str(), by_slot.collect())
        })
        .collect()
}

fn loads(cluster: &ClusterSnapshot) -> HashMap<&str, Load<'_>> {
    let mut loads: HashMap<&str, Load<'_>> = HashMap::new();
    let mut add = |node, job, count: u64| {
        let load: &mut Load<'_> = loads.entry(node).or_default();
        load.slots += count;
        *load.by_job.entry(job).or_default() += count;
    };
    for (node, plan) in &cluster.plans {
        for (job, indexes) in &plan.slots {
            add(node.as_str(), job.as_str(), indexes.iter().count() as u64);
        }
    }
    for (slot, owned) in &cluster.slots {
        if !cluster.plans.contains_key(&owned.record.owner) {
            add(owned.record.owner.as_str(), &*slot.job, 1);
        }
    }
    loads
}
