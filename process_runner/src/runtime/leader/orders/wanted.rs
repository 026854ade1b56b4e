//! What each node is to have, to send away, to give back and to be granted, by one walk over the plan
//! and the slots that are held.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::picture::Picture;
use super::super::view::Assembled;
use crate::model::Slot;
use crate::model::planner::{Placement, Plan};
use crate::model::view::NodeIx;

/// What is wanted of one node. Jobs are places in the view.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// What it should hold: job and index, ascending.
    pub(super) slots: Vec<(u32, u32)>,
    /// Of those, what nobody holds.
    pub(super) free: Vec<(u32, u32)>,
    /// What it holds and another node should: to whom, job and index.
    pub(super) leaving: Vec<(NodeIx, u32, u32)>,
    /// What it holds and nobody should.
    pub(super) given_back: Vec<Slot>,
}

/// What is wanted of each node of the view, and how many slots fit nowhere.
pub(super) fn wanted(
    assembled: &Assembled<'_>,
    plan: &Plan,
    picture: &Picture,
) -> (Vec<Wanted>, usize) {
    let nodes = assembled.view.nodes.iter();
    let mut walk = Walk {
        assembled,
        nodes: nodes.map(|_| Wanted::default()).collect(),
        unplaced: 0,
    };
    let nobody = BTreeMap::new();
    let jobs = &assembled.view.jobs;
    for (place, (view, seats)) in (0..).zip(jobs.iter().zip(&plan.jobs)) {
        let held = picture.slots.get(&view.job).unwrap_or(&nobody);
        walk.job(place, &view.job, seats, held);
    }
    let in_force = |job: &str| {
        let found = jobs.binary_search_by(|view| (*view.job).cmp(job));
        found.is_ok()
    };
    for (job, held) in picture.slots.iter().filter(|(job, _)| !in_force(job)) {
        for (index, holder) in held {
            walk.give_back(holder, job, *index);
        }
    }
    (walk.nodes, walk.unplaced)
}

/// The walk over jobs and indexes.
struct Walk<'w, 'a> {
    assembled: &'w Assembled<'a>,
    nodes: Vec<Wanted>,
    unplaced: usize,
}

impl Walk<'_, '_> {
    /// One job: its seats and its holders, both ascending, side by side.
    fn job(
        &mut self,
        place: u32,
        job: &Arc<str>,
        seats: &[Placement],
        held: &BTreeMap<u32, Arc<str>>,
    ) {
        let mut held = held.iter().peekable();
        for (index, placement) in (0..).zip(seats) {
            let holder = held.next_if(|(next, _)| **next == index).map(|(_, h)| h);
            match (placement, holder) {
                (Placement::On(node), holder) => self.place(*node, holder, (place, index)),
                (Placement::Unplaced(_) | Placement::Done, Some(holder)) => {
                    self.give_back(holder, job, index);
                }
                (Placement::Unplaced(_) | Placement::Done, None) => {}
            }
            self.unplaced += usize::from(matches!(placement, Placement::Unplaced(_)));
        }
        for (index, holder) in held {
            self.give_back(holder, job, *index);
        }
    }

    fn place(&mut self, node: NodeIx, holder: Option<&Arc<str>>, (job, index): (u32, u32)) {
        let wanted = &mut self.nodes[node as usize];
        wanted.slots.push((job, index));
        match holder.map(|holder| self.assembled.places.get(&**holder)) {
            None => wanted.free.push((job, index)),
            Some(Some(from)) if *from != node => {
                self.nodes[*from as usize].leaving.push((node, job, index));
            }
            // It is there, or its key still stands under a node that vanished.
            Some(_) => {}
        }
    }

    fn give_back(&mut self, holder: &Arc<str>, job: &Arc<str>, index: u32) {
        if let Some(node) = self.assembled.places.get(&**holder) {
            self.nodes[*node as usize].given_back.push(Slot {
                job: Arc::clone(job),
                index,
            });
        }
    }
}
