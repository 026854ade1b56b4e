//! Indexes that shrinking removed while their last worker had not unlocked what it held: each is
//! granted once more, only so that its records are unlocked.
//!
//! Without it, a job that shrinks from four workers to two after index 3 crashed would leave the
//! records of index 3 locked for ever: no worker of that index is ever started again.
//!
//! It is not urgent and happens rarely, so the ledger is read only when there is a reason: at the
//! beginning of a term, when a job shrinks or appears, when a slot beyond its job's size goes away, and
//! after many grants.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::picture::Picture;
use super::view::Assembled;
use crate::coordination::{Grant, Order};
use crate::model::view::{Eligible, NodeIx};
use crate::model::{Moment, Slot};

/// Reasons are gathered for this long, so that a job that gives up a thousand slots is looked at once.
const GATHER: Duration = Duration::from_secs(1);

/// After so many granted slots the whole ledger is read, so that what grants write cannot grow without
/// bound.
const READ_AFTER: usize = 10_000;

/// What of the ledger is to be read, and what was granted because of it.
#[derive(Debug)]
pub(super) struct Retirement {
    suspects: Suspects,
    due: Moment,
    /// Slots that were granted since the whole ledger was read.
    entered: usize,
    /// To which incarnation a slot was granted. It is not granted again while that one lives: a worker
    /// that cannot unlock would be started for ever.
    granted: BTreeMap<Slot, Arc<str>>,
}

/// The jobs whose ledger is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Suspects {
    All,
    These(BTreeSet<Arc<str>>),
}

impl Retirement {
    /// At the beginning of a term everything is suspect, after the first pass.
    pub(super) fn new(now: Moment) -> Self {
        Self {
            suspects: Suspects::All,
            due: now + GATHER,
            entered: 0,
            granted: BTreeMap::new(),
        }
    }

    /// The ledger of `job` may name an index that is to be unlocked.
    pub(super) fn suspect(&mut self, job: &Arc<str>, now: Moment) {
        if let Suspects::These(jobs) = &mut self.suspects {
            jobs.insert(Arc::clone(job));
            self.due = self.due.min(now + GATHER);
        }
    }

    /// So many slots were granted.
    pub(super) fn entered(&mut self, slots: usize, now: Moment) {
        self.entered += slots;
        if self.entered >= READ_AFTER {
            self.suspects = Suspects::All;
            self.due = self.due.min(now + GATHER);
        }
    }

    /// When there is something to read.
    pub(super) fn due(&self) -> Moment {
        self.due
    }

    /// What to read now.
    pub(super) fn take(&mut self) -> Suspects {
        self.due = Moment::NEVER;
        if self.suspects == Suspects::All {
            self.entered = 0;
        }
        std::mem::replace(&mut self.suspects, Suspects::These(BTreeSet::new()))
    }

    /// Some grants may not have taken place: what is owned by nobody is looked at again.
    pub(super) fn doubt(&mut self, picture: &Picture, now: Moment) {
        let doubtful = |slot: &&Slot| !is_owned(slot, picture);
        let jobs: Vec<_> = self
            .granted
            .keys()
            .filter(doubtful)
            .map(|slot| Arc::clone(&slot.job))
            .collect();
        self.granted.retain(|slot, _| is_owned(slot, picture));
        for job in jobs {
            self.suspect(&job, now);
        }
    }

    /// The grants for what the ledger says is `held`: beyond its job's size, and owned by nobody.
    pub(super) fn grants(
        &mut self,
        held: BTreeSet<Slot>,
        assembled: &Assembled<'_>,
        picture: &Picture,
        ordered: Order,
    ) -> Vec<Grant> {
        self.granted
            .retain(|_, incarnation| assembled.places.contains_key(&**incarnation));
        let mut loads = loads(assembled, picture);
        let mut grants: BTreeMap<NodeIx, Grant> = BTreeMap::new();
        for slot in held {
            if !is_beyond(&slot, assembled) || is_owned(&slot, picture) {
                continue;
            }
            if self.granted.contains_key(&slot) {
                continue;
            }
            let Some(node) = least_loaded(&slot, assembled, &loads) else {
                continue;
            };
            loads[node as usize] += 1;
            let (name, member) = assembled.nodes[node as usize];
            let incarnation = Arc::clone(&member.incarnation);
            self.granted.insert(slot.clone(), Arc::clone(&incarnation));
            let grant = grants.entry(node).or_insert_with(|| {
                let address = (member.record.lease, member.revision);
                Grant::new(Arc::clone(name), incarnation, address, ordered, true)
            });
            grant.slots.push(slot);
        }
        grants.into_values().collect()
    }
}

/// A job that is paused will need its indexes again.
fn is_beyond(slot: &Slot, assembled: &Assembled<'_>) -> bool {
    assembled
        .in_force
        .jobs
        .get(&*slot.job)
        .is_some_and(|job| job.paused.is_none() && slot.index >= job.workers)
}

fn is_owned(slot: &Slot, picture: &Picture) -> bool {
    let of_job = picture.slots.get(&slot.job);
    of_job.is_some_and(|slots| slots.contains_key(&slot.index))
}

/// How many slots each node holds.
fn loads(assembled: &Assembled<'_>, picture: &Picture) -> Vec<u32> {
    let mut loads = vec![0; assembled.nodes.len()];
    let owners = picture.slots.values().flat_map(BTreeMap::values);
    for node in owners.filter_map(|owner| assembled.places.get(&**owner)) {
        loads[*node as usize] += 1;
    }
    loads
}

/// Of the nodes that may run the job, one with room if there is one.
fn least_loaded(slot: &Slot, assembled: &Assembled<'_>, loads: &[u32]) -> Option<NodeIx> {
    let jobs = &assembled.view.jobs;
    let place = jobs.binary_search_by(|job| job.job.cmp(&slot.job)).ok()?;
    let eligible = |node: &NodeIx| match &jobs[place].eligible {
        Eligible::All => true,
        Eligible::Only(nodes) => nodes.binary_search(node).is_ok(),
    };
    let nodes = &assembled.view.nodes;
    (0..nodes.len() as NodeIx)
        .filter(|node| eligible(node) && nodes[*node as usize].accepts)
        .min_by_key(|node| {
            let (view, load) = (&nodes[*node as usize], loads[*node as usize]);
            let full = view.capacity.is_some_and(|capacity| load >= capacity);
            (full, view.last_resort, load)
        })
}
