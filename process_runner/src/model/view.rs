//! The cluster as the planner sees it: dense, so that a hundred thousand slots plan in milliseconds.
//!
//! Nodes are named by their place in [`ClusterView::nodes`], jobs by theirs in
//! [`ClusterView::jobs`], workers by their index. The order of nodes and jobs carries no meaning: a
//! planner must answer the same for every order, so that any new leader continues the same plan.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A node's place in [`ClusterView::nodes`].
pub type NodeIx = u32;

/// Everything that a plan rests on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterView {
    /// The living nodes, each name once.
    pub nodes: Vec<NodeView>,
    /// The jobs in force, each name once. A paused or parked job has no seats.
    pub jobs: Vec<JobView>,
}

/// A living node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeView {
    /// Its name.
    pub name: Arc<str>,
    /// Whether it takes slots. A quiet or draining node does not, and its slots are planned away.
    pub accepts: bool,
    /// How many workers it runs at most.
    pub capacity: Option<u32>,
    /// Its share, relative to the others'. 0 takes nothing.
    pub weight: u32,
    /// Its failure domain.
    pub zone: Option<Arc<str>>,
    /// What jobs may ask for.
    pub labels: BTreeMap<String, String>,
    /// It crashed lately: it gets only what fits nowhere else.
    pub last_resort: bool,
}

impl NodeView {
    /// Whether it takes slots at all.
    pub fn takes_slots(&self) -> bool {
        self.accepts && self.weight > 0
    }
}

/// A job in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobView {
    /// Its name.
    pub job: Arc<str>,
    /// How many of its workers one node runs at most.
    pub max_per_node: Option<u32>,
    /// The nodes that declare it and have its labels.
    pub eligible: Eligible,
    /// One for each worker index.
    pub seats: Vec<Seat>,
}

/// The nodes a job may run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Eligible {
    /// Every node.
    All,
    /// These, ascending.
    Only(Vec<NodeIx>),
}

/// What is known of one worker index: the node it is planned for while that node lives, else the
/// one that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    /// No living node has it.
    Free,
    /// This one has it.
    Taken(NodeIx),
    /// Nobody is to have it now: it was drained by a node that runs until idle.
    Done,
}

impl JobView {
    /// Whether `node` declares the job and has its labels.
    pub fn allows(&self, node: NodeIx) -> bool {
        match &self.eligible {
            Eligible::All => true,
            Eligible::Only(nodes) => nodes.binary_search(&node).is_ok(),
        }
    }
}
