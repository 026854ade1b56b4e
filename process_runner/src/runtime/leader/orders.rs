//! From a plan to what is to be written: plans of nodes that changed, and grants of slots that nobody
//! holds.
//!
//! A plan is written only if what stands in etcd does not say it already. It says it already if it
//! names the same slots, sends every slot that the node still has to give away to the right place,
//! and sends nothing away that is to be given back. What it says about slots that the node has given
//! away by now does not matter; so a hundred transfers out of one plan are not answered by a hundred
//! plans.

mod wanted;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::wanted::{Wanted, wanted};
use super::picture::Picture;
use super::view::Assembled;
use crate::coordination::{Destination, Grant, Indexes, Order, PlanRecord, PlanWrite, StoredPlan};
use crate::model::Slot;
use crate::model::planner::Plan;

/// What a pass is to write.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// Gainers first: a slot must not arrive where it is not planned.
    pub(super) plans: Vec<PlanWrite>,
    pub(super) grants: Vec<Grant>,
    /// Slots that are to move from one node to another, for the log.
    pub(super) moves: usize,
    /// Slots that fit nowhere.
    pub(super) unplaced: usize,
}

impl Orders {
    pub(super) fn is_empty(&self) -> bool {
        self.plans.is_empty() && self.grants.is_empty()
    }

    pub(super) fn granted(&self) -> usize {
        self.grants.iter().map(|grant| grant.slots.len()).sum()
    }
}

/// Compares `plan` with what stands in etcd.
pub(super) fn orders(
    assembled: &Assembled<'_>,
    plan: &Plan,
    picture: &Picture,
    stored: &BTreeMap<Arc<str>, StoredPlan>,
    ordered: Order,
) -> Orders {
    let (wanted, unplaced) = wanted(assembled, plan, picture);
    let desk = Desk { assembled, ordered };
    let mut orders = Orders {
        unplaced,
        ..Orders::default()
    };
    let nothing = StoredPlan::default();
    let mut plans = Vec::new();
    for (place, wanted) in wanted.iter().enumerate() {
        let stored = stored.get(assembled.nodes[place].0).unwrap_or(&nothing);
        orders.moves += wanted.leaving.len();
        if !desk.says_already(place, &stored.record, wanted) {
            plans.push((desk.rank(&stored.record, wanted), place, stored.revision));
        }
        orders.grants.extend(desk.grant(place, wanted));
    }
    plans.sort_unstable();
    orders.plans = plans
        .into_iter()
        .map(|(_, place, replaces)| desk.write(place, &wanted[place], replaces))
        .collect();
    orders
}

/// Where records are compared and drawn up.
struct Desk<'d, 'a> {
    assembled: &'d Assembled<'a>,
    ordered: Order,
}

impl Desk<'_, '_> {
    fn job(&self, job: u32) -> &Arc<str> {
        &self.assembled.view.jobs[job as usize].job
    }

    fn workers(&self, job: u32) -> u32 {
        self.assembled.view.jobs[job as usize].seats.len() as u32
    }

    fn says_already(&self, place: usize, record: &PlanRecord, wanted: &Wanted) -> bool {
        record.incarnation == *self.assembled.nodes[place].1.incarnation
            && self.same_slots(record, wanted)
            && wanted
                .leaving
                .iter()
                .all(|(to, job, index)| self.sends(record, *to as usize, self.job(*job), *index))
            && (record.leaving.is_empty()
                || wanted
                    .given_back
                    .iter()
                    .all(|slot| !sends_somewhere(record, slot)))
    }

    /// Both sides stand in the order of jobs' names and of indexes.
    fn same_slots(&self, record: &PlanRecord, wanted: &Wanted) -> bool {
        let groups = wanted.slots.chunk_by(|a, b| a.0 == b.0);
        let mut records = record.slots.iter().zip(&record.workers);
        for group in groups {
            let job = group[0].0;
            let Some(((name, indexes), (sized, workers))) = records.next() else {
                return false;
            };
            let same = **name == **self.job(job)
                && name == sized
                && *workers == self.workers(job)
                && indexes.iter().eq(group.iter().map(|(_, index)| *index));
            if !same {
                return false;
            }
        }
        records.next().is_none() && record.slots.len() == record.workers.len()
    }

    /// True if `record` sends the slot to the node at `to`, as that node is now.
    fn sends(&self, record: &PlanRecord, to: usize, job: &str, index: u32) -> bool {
        let (name, member) = self.assembled.nodes[to];
        record.leaving.get(&**name).is_some_and(|destination| {
            destination.member == member.revision
                && destination.incarnation == *member.incarnation
                && contains(&destination.slots, job, index)
        })
    }

    /// 0 gains only, 1 gains and loses, 2 loses only.
    fn rank(&self, record: &PlanRecord, wanted: &Wanted) -> u8 {
        let gains = wanted
            .slots
            .iter()
            .any(|(job, index)| !contains(&record.slots, self.job(*job), *index));
        let had: usize = record.slots.values().map(|indexes| indexes.0.len()).sum();
        let loses = !wanted.leaving.is_empty() || had > wanted.slots.len();
        match (gains, loses) {
            (_, false) => 0,
            (true, true) => 1,
            (false, true) => 2,
        }
    }

    fn write(&self, place: usize, wanted: &Wanted, replaces: i64) -> PlanWrite {
        let (name, member) = self.assembled.nodes[place];
        PlanWrite {
            node: Arc::clone(name),
            lease: member.record.lease,
            member_created: member.created,
            replaces,
            record: PlanRecord {
                incarnation: member.incarnation.to_string(),
                ordered: self.ordered,
                slots: self.by_job(&wanted.slots),
                leaving: self.leaving(wanted),
                workers: wanted
                    .slots
                    .chunk_by(|a, b| a.0 == b.0)
                    .map(|group| (self.job(group[0].0).to_string(), self.workers(group[0].0)))
                    .collect(),
            },
        }
    }

    fn leaving(&self, wanted: &Wanted) -> BTreeMap<String, Destination> {
        let mut leaving: BTreeMap<String, Destination> = BTreeMap::new();
        for (to, job, index) in &wanted.leaving {
            let (name, member) = self.assembled.nodes[*to as usize];
            let destination = leaving
                .entry(name.to_string())
                .or_insert_with(|| Destination {
                    incarnation: member.incarnation.to_string(),
                    lease: member.record.lease,
                    member: member.revision,
                    slots: BTreeMap::new(),
                });
            let indexes = destination.slots.entry(self.job(*job).to_string());
            indexes.or_default().insert(*index);
        }
        leaving
    }

    fn grant(&self, place: usize, wanted: &Wanted) -> Option<Grant> {
        let (name, member) = self.assembled.nodes[place];
        if wanted.free.is_empty() {
            return None;
        }
        let mut grant = Grant::new(
            Arc::clone(name),
            Arc::clone(&member.incarnation),
            (member.record.lease, member.revision),
            self.ordered,
            false,
        );
        let free = wanted.free.iter();
        grant.slots = free
            .map(|(job, index)| Slot::new(Arc::clone(self.job(*job)), *index))
            .collect();
        Some(grant)
    }

    fn by_job(&self, slots: &[(u32, u32)]) -> BTreeMap<String, Indexes> {
        slots
            .chunk_by(|a, b| a.0 == b.0)
            .map(|group| {
                let indexes = group.iter().map(|(_, index)| *index).collect();
                (self.job(group[0].0).to_string(), indexes)
            })
            .collect()
    }
}

fn contains(slots: &BTreeMap<String, Indexes>, job: &str, index: u32) -> bool {
    slots
        .get(job)
        .is_some_and(|indexes| indexes.contains(index))
}

fn sends_somewhere(record: &PlanRecord, slot: &Slot) -> bool {
    record
        .leaving
        .values()
        .any(|destination| contains(&destination.slots, &slot.job, slot.index))
}
