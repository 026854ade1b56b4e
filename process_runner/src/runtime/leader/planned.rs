//! The last plan, as the leader remembers it, or as it reads it from what an earlier leader wrote.
//!
//! A planned slot counts as its node's while that node lives, whoever holds it at the moment. So a
//! new leader continues what was planned, and does not turn half-done moves back.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::coordination::StoredPlan;
use crate::model::Slot;
use crate::model::planner::{Placement, Plan};
use crate::model::view::NodeIx;

/// Who was to hold what.
#[derive(Debug, Default)]
pub(super) struct Planned {
    /// Incarnations; the places below are places in here.
    nodes: Vec<Arc<str>>,
    jobs: HashMap<Arc<str>, Vec<Placement>>,
}

impl Planned {
    /// What these records together say. If a leader ended between two writes, two of them may name
    /// one slot: then the later order holds.
    pub(super) fn of(plans: &BTreeMap<Arc<str>, StoredPlan>) -> Self {
        let mut records: Vec<_> = plans.values().map(|plan| &plan.record).collect();
        records.sort_by_key(|record| record.ordered);
        let mut planned = Self::default();
        for record in records {
            let node = planned.nodes.len() as NodeIx;
            planned.nodes.push(record.incarnation.as_str().into());
            for (job, indexes) in &record.slots {
                let seats = planned.jobs.entry(job.as_str().into()).or_default();
                for index in indexes.iter() {
                    let index = index as usize;
                    if seats.len() <= index {
                        seats.resize(index + 1, Placement::Done);
                    }
                    seats[index] = Placement::On(node);
                }
            }
        }
        planned
    }

    /// What was just planned for `nodes` and `jobs`.
    pub(super) fn new(nodes: Vec<Arc<str>>, jobs: &[Arc<str>], plan: Plan) -> Self {
        Self {
            nodes,
            jobs: jobs.iter().cloned().zip(plan.jobs).collect(),
        }
    }

    /// The incarnation that a slot is planned for.
    pub(super) fn node(&self, job: &str, index: u32) -> Option<&Arc<str>> {
        match self.jobs.get(job)?.get(index as usize)? {
            Placement::On(node) => self.nodes.get(*node as usize),
            Placement::Unplaced(_) | Placement::Done => None,
        }
    }

    /// A slot that was planned is to be planned anew, as if nobody had been meant to have it.
    pub(super) fn forget(&mut self, slot: &Slot) {
        let seats = self.jobs.get_mut(&slot.job);
        if let Some(seat) = seats.and_then(|seats| seats.get_mut(slot.index as usize)) {
            *seat = Placement::Done;
        }
    }

    /// The seats of a job, for whoever looks at all of them.
    pub(super) fn seats(&self, job: &str) -> &[Placement] {
        self.jobs.get(job).map_or(&[], Vec::as_slice)
    }

    /// The jobs that this plan seats otherwise than `before` did in a way that may leave indexes behind:
    /// with fewer workers, or for the first time.
    pub(super) fn shrunk_since(&self, before: &Planned) -> Vec<Arc<str>> {
        let shrunk = self.jobs.iter().filter(|(job, seats)| {
            let had = before.jobs.get(*job).map(Vec::len);
            had.is_none_or(|had| seats.len() < had)
        });
        shrunk.map(|(job, _)| Arc::clone(job)).collect()
    }

    pub(super) fn nodes(&self) -> &[Arc<str>] {
        &self.nodes
    }
}
