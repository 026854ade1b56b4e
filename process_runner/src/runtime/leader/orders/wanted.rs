//! What each node is to have, to send away, to give back and to be granted, by one walk over the plan
//! and the slots that are held.

use std::iter::Peekable;
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
    let mut nodes: Vec<Wanted> = assembled
        .view
        .nodes
        .iter()
        .map(|_| Wanted::default())
        .collect();
    let owner = |incarnation: &Arc<str>| assembled.places.get(&**incarnation).copied();
    let mut unplaced = 0;
    for (job, (view, seats)) in (0..).zip(assembled.view.jobs.iter().zip(&plan.jobs)) {
        let mut held = picture
            .slots
            .get(&view.job)
            .map(|slots| slots.iter())
            .unwrap_or_default()
            .peekable();
        for (index, placement) in (0..).zip(seats) {
            let holder = take(&mut held, index);
            unplaced += usize::from(matches!(placement, Placement::Unplaced(_)));
            match (placement, holder) {
                (Placement::On(node), holder) => {
                    let wanted = &mut nodes[*node as usize];
                    wanted.slots.push((job, index));
                    match holder.map(owner) {
                        None => wanted.free.push((job, index)),
                        Some(Some(from)) if from != *node => {
                            nodes[from as usize].leaving.push((*node, job, index));
                        }
                        // It is there, or its key still stands under a node that vanished.
                        Some(_) => {}
                    }
                }
                (Placement::Unplaced(_) | Placement::Done, Some(holder)) => {
                    give_back(&mut nodes, owner(holder), &view.job, index);
                }
                (Placement::Unplaced(_) | Placement::Done, None) => {}
            }
        }
        for (index, holder) in held {
            give_back(&mut nodes, owner(holder), &view.job, *index);
        }
    }
    let planned = |job: &str| {
        let jobs = &assembled.view.jobs;
        jobs.binary_search_by(|view| (*view.job).cmp(job)).is_ok()
    };
    for (job, held) in picture.slots.iter().filter(|(job, _)| !planned(job)) {
        for (index, holder) in held {
            give_back(&mut nodes, owner(holder), job, *index);
        }
    }
    (nodes, unplaced)
}

/// The holder of `index`, if the next one is that of `index`.
fn take<'p>(
    held: &mut Peekable<impl Iterator<Item = (&'p u32, &'p Arc<str>)>>,
    index: u32,
) -> Option<&'p Arc<str>> {
    held.next_if(|(next, _)| **next == index)
        .map(|(_, holder)| holder)
}

fn give_back(nodes: &mut [Wanted], holder: Option<NodeIx>, job: &Arc<str>, index: u32) {
    if let Some(holder) = holder {
        nodes[holder as usize].given_back.push(Slot {
            job: Arc::clone(job),
            index,
        });
    }
}
