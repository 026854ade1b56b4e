//! From counts back to seats: which worker index goes where, and why some go nowhere.
//!
//! On each node the lowest indexes stay, up to its count. The others go to the nodes with room in
//! the order of names, the lowest index first; what is left over is unplaced.

use super::grid::{Grid, GridJob};
use super::{Obstacle, Placement};
use crate::model::view::{ClusterView, Eligible, JobView, Seat};

/// The placements of one job, whose nodes get `counts`.
pub(super) fn seat(view: &ClusterView, grid: &Grid, job: usize, counts: &[u32]) -> Vec<Placement> {
    let job_view = &view.jobs[grid.jobs[job].view];
    let mut room = counts.to_vec();
    let mut placements: Vec<Option<Placement>> = job_view
        .seats
        .iter()
        .map(|seat| match seat {
            Seat::Free => None,
            Seat::Done => Some(Placement::Done),
            Seat::Taken(node) => {
                let place = *grid.place_of.get(*node as usize)? as usize;
                take(&mut room[place]).then_some(Placement::On(*node))
            }
        })
        .collect();
    let mut nodes = 0..room.len();
    let mut next = nodes.next();
    for placement in placements
        .iter_mut()
        .filter(|placement| placement.is_none())
    {
        while let Some(node) = next
            && room[node] == 0
        {
            next = nodes.next();
        }
        *placement = next.map(|node| {
            take(&mut room[node]);
            Placement::On(grid.nodes[node].view)
        });
    }
    let mut obstacle = None;
    placements
        .into_iter()
        .map(|placement| {
            placement.unwrap_or_else(|| {
                let why = *obstacle.get_or_insert_with(|| why(view, grid, job, counts));
                Placement::Unplaced(why)
            })
        })
        .collect()
}

fn take(room: &mut u32) -> bool {
    let any = *room > 0;
    *room -= u32::from(any);
    any
}

fn why(view: &ClusterView, grid: &Grid, job: usize, counts: &[u32]) -> Obstacle {
    let GridJob { view: at, .. } = grid.jobs[job];
    let JobView {
        max_per_node,
        eligible,
        ..
    } = &view.jobs[at];
    let nodes = match eligible {
        Eligible::All => grid.nodes.len(),
        Eligible::Only(nodes) => {
            let alive = |node: &&u32| grid.place_of.get(**node as usize).is_some();
            nodes.iter().filter(alive).count()
        }
    };
    if nodes == 0 {
        return Obstacle::NoNode;
    }
    let eligible = |place: &usize| {
        let node = &grid.nodes[*place];
        node.usable && view.jobs[at].allows(node.view)
    };
    let mut usable = (0..grid.nodes.len()).filter(eligible).peekable();
    if usable.peek().is_none() {
        return Obstacle::NoneAccepts;
    }
    let full = |place: usize| max_per_node.is_some_and(|max| counts[place] >= max);
    if usable.all(full) {
        Obstacle::MaxPerNode
    } else {
        Obstacle::Capacity
    }
}
