//! The planner: from the cluster as it is to who should hold what.

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

/// Plans `view`. Deterministic, and independent of the order of nodes and jobs.
pub fn plan(view: &ClusterView, scope: Scope) -> Plan {
    let _ = (view, scope);
    Plan::default()
}
