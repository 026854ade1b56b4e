//! What was read of a cluster, with the questions that are asked of it again and again answered
//! once: what holds for each job, who is to run each slot, and how its worker stands.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::in_force::{self, InForce};
use crate::coordination::{ClusterSnapshot, Order, OwnedSlot, WorkerRecord};
use crate::model::Slot;

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
    /// What each node is planned to own, or owns if it has no plan.
    loads: HashMap<&'a str, Load<'a>>,
    /// What each process owns, by its incarnation.
    owned: HashMap<&'a str, Load<'a>>,
    /// The node that drained a slot and runs until idle.
    done: HashMap<Key<'a>, &'a str>,
    /// The keys of slots whose values cannot be read.
    unreadable: HashMap<&'a Slot, &'a str>,
}

/// How much a node has.
#[derive(Default)]
pub(super) struct Load<'a> {
    pub(super) slots: u64,
    by_job: HashMap<&'a str, u64>,
}

impl<'a> Load<'a> {
    fn add(&mut self, job: &'a str, count: u64) {
        self.slots += count;
        *self.by_job.entry(job).or_default() += count;
    }

    /// How many of them are of `job`.
    pub(super) fn of_job(&self, job: &str) -> u64 {
        self.by_job.get(job).copied().unwrap_or(0)
    }
}

impl<'a> Picture<'a> {
    pub(super) fn new(cluster: &'a ClusterSnapshot, now: u64) -> Self {
        Self {
            jobs: in_force::jobs(cluster, now),
            planned: planned(cluster),
            reports: reports(cluster),
            loads: loads(cluster),
            owned: owned(cluster),
            done: done(cluster),
            unreadable: unreadable(cluster),
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

    /// How many slots a process owns: in all, and of `job`.
    pub(super) fn owns(&self, incarnation: &str, job: &str) -> (u64, u64) {
        let load = self.owned.get(incarnation);
        load.map_or((0, 0), |load| (load.slots, load.of_job(job)))
    }

    /// The node that found no more work for a slot and runs until idle.
    pub(super) fn done_by<'s>(&'s self, slot: &'s Slot) -> Option<&'s str> {
        self.done.get(&(&*slot.job, slot.index)).copied()
    }

    /// The key of a slot of which nobody can say who owns it.
    pub(super) fn unreadable(&self, slot: &Slot) -> Option<&str> {
        self.unreadable.get(slot).copied()
    }

    pub(super) fn fence(&self, owned: &OwnedSlot) -> Option<u64> {
        owned.fence(self.cluster.epoch)
    }

    /// True if every living node has said how each of its slots stands, with counters unless they are
    /// too many.
    pub(super) fn is_counted(&self) -> bool {
        self.cluster.slots.iter().all(|(slot, owned)| {
            let status = self.cluster.statuses.get(&owned.record.owner);
            if status.is_some_and(|status| status.uncounted) {
                return true;
            }
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
    for (node, plan) in &cluster.plans {
        let load = loads.entry(node).or_default();
        for (job, indexes) in &plan.slots {
            load.add(job, indexes.iter().count() as u64);
        }
    }
    for (slot, owned) in &cluster.slots {
        let owner = &owned.record.owner;
        if !cluster.plans.contains_key(owner) {
            loads.entry(owner).or_default().add(&slot.job, 1);
        }
    }
    loads
}

fn owned(cluster: &ClusterSnapshot) -> HashMap<&str, Load<'_>> {
    let mut loads: HashMap<&str, Load<'_>> = HashMap::new();
    for (slot, owned) in &cluster.slots {
        let load = loads.entry(&owned.record.incarnation).or_default();
        load.add(&slot.job, 1);
    }
    loads
}

fn done(cluster: &ClusterSnapshot) -> HashMap<Key<'_>, &str> {
    let mut done = HashMap::new();
    for (node, member) in &cluster.members {
        for (job, indexes) in &member.record.done {
            done.extend(indexes.iter().map(|index| ((job.as_str(), index), &**node)));
        }
    }
    done
}

fn unreadable(cluster: &ClusterSnapshot) -> HashMap<&Slot, &str> {
    let left_out = cluster.unreadable.iter();
    let of_slots = left_out.filter_map(|it| Some((it.slot.as_ref()?, it.key.as_str())));
    of_slots.collect()
}
