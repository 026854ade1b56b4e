//! What the plan orders: which slots this node should hold, and where the others go.
//!
//! The leader writes one plan for each node, into the node's inbox. A slot may arrive before the
//! plan that ordered it does; so a slot is given up only for a plan that is newer than the one it
//! came under ([`Order`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::coordination::{Indexes, Order, PlanRecord, Target};
use crate::model::Slot;

/// The newest plan that this node has seen.
#[derive(Default)]
pub(super) struct Orders {
    plan: PlanRecord,
    /// The plan key's mod_revision; 0 before the first plan.
    revision: i64,
    targets: Vec<Arc<Target>>,
}

/// What is to become of one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    Keep,
    Leave(Arc<Target>),
    GiveBack,
}

impl Orders {
    /// Takes in a plan. False if it is not newer than the one that is known.
    pub(super) fn take(&mut self, plan: PlanRecord, revision: i64) -> bool {
        if revision <= self.revision {
            return false;
        }
        let target = |(node, destination): (&String, &_)| {
            Arc::new(Target {
                node: node.clone(),
                destination: Clone::clone(destination),
                ordered: plan.ordered,
                plan: revision,
            })
        };
        self.targets = plan.leaving.iter().map(target).collect();
        self.plan = plan;
        self.revision = revision;
        true
    }

    pub(super) fn known(&self) -> bool {
        self.revision > 0
    }

    /// True if the plan wants nothing of this node.
    pub(super) fn is_empty(&self) -> bool {
        self.plan.slots.values().all(|indexes| indexes.0.is_empty())
    }

    /// What is to become of a slot that came under `ordered`.
    pub(super) fn of(&self, slot: &Slot, ordered: Order) -> Fate {
        if self.wants(slot) || self.plan.ordered <= ordered {
            return Fate::Keep;
        }
        let leaves = |target: &&Arc<Target>| has(&target.destination.slots, slot);
        match self.targets.iter().find(leaves) {
            Some(target) => Fate::Leave(Arc::clone(target)),
            None => Fate::GiveBack,
        }
    }

    pub(super) fn wants(&self, slot: &Slot) -> bool {
        has(&self.plan.slots, slot)
    }

    /// Workers in force of `job`, as the leader counts them.
    pub(super) fn workers(&self, job: &str) -> Option<u32> {
        self.plan.workers.get(job).copied()
    }
}

fn has(slots: &BTreeMap<String, Indexes>, slot: &Slot) -> bool {
    slots
        .get(&*slot.job)
        .is_some_and(|indexes| indexes.contains(slot.index))
}
