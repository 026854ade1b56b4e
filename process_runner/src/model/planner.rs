//! The planner: from the cluster as it is to who should hold what.
//!
//! # What it aims for, in this order
//!
//! 1. Place the most slots. No cap, label or class is ever broken for it.
//! 2. Give a node of last resort only what fits nowhere else.
//! 3. Each job at the floor or the ceiling of its share of every node, by weight.
//! 4. Each node at the floor or the ceiling of its share of all slots, as far as 3 allows.
//! 5. The workers of a job spread over the zones, as far as 4 allows.
//! 6. The fewest moves.
//! 7. Where not all fits, no job gets nothing while others get all, as far as 6 allows.
//!
//! Where a share cannot be met (a cap, a label), what is missing is spread evenly.
//!
//! # How
//!
//! ```text
//! view -> grid (sorted, counts) -> shares -> network -> search -> counts -> seats
//! ```
//!
//! All aims together are the cost of a flow, and the flow of the least cost is the plan: exactly,
//! not nearly. The search begins with everything fair and in its place, so it has to work only for
//! what is not. See `network` and `search`.
//!
//! # Guarantees
//!
//! - The same view gives the same plan, in whatever order its nodes and jobs stand. So every leader
//!   continues the plan of the one before.
//! - Planning a planned state plans nothing.
//! - [`Scope::Needed`] followed by [`Scope::Balance`] moves no slot twice.
//!
//! # How it fails
//!
//! It does not. What cannot be placed is [`Placement::Unplaced`], with what stands in its way. A
//! seat of a node that the view does not list counts as free.

mod assemble;
mod cell;
mod cost;
mod grid;
mod measure;
mod network;
mod search;
mod seats;
mod shares;
mod staying;

pub use measure::{Move, Spread, lower_bound};

use std::fmt;

use assemble::{Ask, assemble};
use grid::Grid;

use super::view::{ClusterView, NodeIx};

/// How much may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Only what has to: slots of nobody, of nodes that take none, and those that break a cap.
    Needed,
    /// Also what evens out the load.
    Balance,
}

/// Who should hold what: for each job of the view, for each of its worker indexes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// As [`ClusterView::jobs`], as [`JobView::seats`](super::view::JobView::seats).
    pub jobs: Vec<Vec<Placement>>,
}

/// Where one worker index belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// On this node.
    On(NodeIx),
    /// Nowhere, because of this.
    Unplaced(Obstacle),
    /// Nobody is to have it now.
    Done,
}

/// What stands in the way of a slot. The first that applies, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// No living node declares the job and has its labels.
    NoNode,
    /// Every such node is quiet or draining, or has no weight.
    NoneAccepts,
    /// Every such node runs the job's `max_per_node`.
    MaxPerNode,
    /// Every such node runs its `max_workers`, or the job's `max_per_node`.
    Capacity,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoNode => "no node declares the job and has its labels",
            Self::NoneAccepts => "every node that may run it is quiet or draining",
            Self::MaxPerNode => "every node that may run it runs the job's max_per_node",
            Self::Capacity => {
                "every node that may run it runs its max_workers, or the job's max_per_node"
            }
        })
    }
}

/// Plans `view`. Deterministic, and independent of the order of nodes and jobs.
pub fn plan(view: &ClusterView, scope: Scope) -> Plan {
    let grid = Grid::new(view);
    let counts = match scope {
        Scope::Balance => cheapest(&grid, Ask::Balanced),
        Scope::Needed => needed(&grid),
    };
    let mut jobs = vec![Vec::new(); view.jobs.len()];
    for (job, at) in grid.jobs.iter().enumerate() {
        jobs[at.view] = seats::seat(view, &grid, job, &counts[grid.row(job)]);
    }
    Plan { jobs }
}

/// Per cell: how many workers there are when nothing moves that need not.
fn needed(grid: &Grid) -> Vec<u32> {
    if staying::all_may_stay(grid) {
        return grid.held.clone();
    }
    let balanced = cheapest(grid, Ask::Balanced);
    let staying = staying::staying(grid, &balanced);
    cheapest(
        grid,
        Ask::Needed {
            staying: &staying,
            balanced: &balanced,
        },
    )
}

/// Per cell: how many workers the best plan has there.
fn cheapest(grid: &Grid, ask: Ask<'_>) -> Vec<u32> {
    let mut network = assemble(grid, ask);
    search::settle(&mut network);
    network.counts().collect()
}
