//! The view as the planner computes with it: sorted by name, and dense.
//!
//! Sorting makes a plan independent of the order in which nodes and jobs came. A node or job is
//! named by its place in the grid from here on; `view` leads back.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::model::view::{ClusterView, Eligible, NodeIx, Seat};

/// Jobs times nodes: the cells of one job stand together.
#[derive(Debug)]
pub(super) struct Grid {
    pub(super) nodes: Vec<GridNode>,
    pub(super) jobs: Vec<GridJob>,
    /// How many zones there are: 1 where they make no difference.
    pub(super) zones: usize,
    /// Per cell: how many workers of the job may run on the node, by the caps of each alone.
    pub(super) caps: Vec<u32>,
    /// Per cell: how many seats of the job the node has. 0 where it may have none.
    pub(super) held: Vec<u32>,
    /// From a place in the view to a place in the grid.
    pub(super) place_of: Vec<u32>,
}

#[derive(Debug)]
pub(super) struct GridNode {
    pub(super) view: NodeIx,
    /// At most all slots.
    pub(super) capacity: u32,
    pub(super) weight: u32,
    pub(super) zone: u32,
    pub(super) last_resort: bool,
    /// It takes slots at all.
    pub(super) usable: bool,
}

#[derive(Debug)]
pub(super) struct GridJob {
    pub(super) view: usize,
    /// How many seats want a node.
    pub(super) demand: u32,
}

impl GridNode {
    /// How many slots it may have.
    pub(super) fn room(&self) -> u32 {
        if self.usable { self.capacity } else { 0 }
    }
}

impl Grid {
    pub(super) fn new(view: &ClusterView) -> Self {
        let jobs = jobs_by_name(view);
        let slots = jobs
            .iter()
            .fold(0, |sum: u32, job| sum.saturating_add(job.demand));
        let (nodes, zones) = nodes_by_name(view, slots);
        let mut place_of = vec![0; nodes.len()];
        for (place, node) in (0..).zip(&nodes) {
            place_of[node.view as usize] = place;
        }
        let cells = nodes.len() * jobs.len();
        let mut grid = Self {
            nodes,
            jobs,
            zones,
            caps: vec![0; cells],
            held: vec![0; cells],
            place_of,
        };
        for job in 0..grid.jobs.len() {
            grid.fill_caps(view, job);
            grid.count_seats(view, job);
        }
        grid
    }

    pub(super) fn cell(&self, job: usize, node: usize) -> usize {
        job * self.nodes.len() + node
    }

    /// The cells of one job.
    pub(super) fn row(&self, job: usize) -> Range<usize> {
        self.cell(job, 0)..self.cell(job + 1, 0)
    }

    /// All seats that want a node.
    pub(super) fn demand(&self) -> u64 {
        self.jobs.iter().map(|job| u64::from(job.demand)).sum()
    }

    fn fill_caps(&mut self, view: &ClusterView, job: usize) {
        let GridJob { view: at, demand } = self.jobs[job];
        let max = view.jobs[at].max_per_node.unwrap_or(demand).min(demand);
        match &view.jobs[at].eligible {
            Eligible::All => (0..self.nodes.len()).for_each(|node| self.allow(node, job, max)),
            Eligible::Only(nodes) => {
                for node in nodes {
                    // A node that the view does not list is not alive.
                    if let Some(place) = self.place_of.get(*node as usize) {
                        self.allow(*place as usize, job, max);
                    }
                }
            }
        }
    }

    fn allow(&mut self, node: usize, job: usize, max: u32) {
        let cell = self.cell(job, node);
        if self.nodes[node].usable {
            self.caps[cell] = max.min(self.nodes[node].capacity);
        }
    }

    /// What a node holds that it may not run does not count: it has to go in any case.
    fn count_seats(&mut self, view: &ClusterView, job: usize) {
        for seat in &view.jobs[self.jobs[job].view].seats {
            if let Seat::Taken(node) = seat
                && let Some(place) = self.place_of.get(*node as usize)
            {
                let cell = self.cell(job, *place as usize);
                self.held[cell] += u32::from(self.caps[cell] > 0);
            }
        }
    }
}

fn jobs_by_name(view: &ClusterView) -> Vec<GridJob> {
    let mut order: Vec<usize> = (0..view.jobs.len()).collect();
    order.sort_by(|a, b| view.jobs[*a].job.cmp(&view.jobs[*b].job));
    let job = |at: usize| {
        let seats = view.jobs[at].seats.iter();
        let wanting = seats.filter(|seat| **seat != Seat::Done).count();
        GridJob {
            view: at,
            demand: u32::try_from(wanting).unwrap_or(u32::MAX),
        }
    };
    order.into_iter().map(job).collect()
}

fn nodes_by_name(view: &ClusterView, slots: u32) -> (Vec<GridNode>, usize) {
    let mut order: Vec<usize> = (0..view.nodes.len()).collect();
    order.sort_by(|a, b| view.nodes[*a].name.cmp(&view.nodes[*b].name));
    // Nodes without a zone are one zone together: nothing is known of what they share.
    let mut zones: BTreeMap<Option<&str>, u32> = BTreeMap::new();
    for node in view.nodes.iter().filter(|node| node.takes_slots()) {
        zones.entry(node.zone.as_deref()).or_default();
    }
    for (number, zone) in (0..).zip(zones.values_mut()) {
        *zone = number;
    }
    let node = |at: usize| {
        let node = &view.nodes[at];
        GridNode {
            view: at as NodeIx,
            capacity: node.capacity.unwrap_or(slots).min(slots),
            weight: node.weight,
            zone: zones.get(&node.zone.as_deref()).copied().unwrap_or(0),
            last_resort: node.last_resort,
            usable: node.takes_slots(),
        }
    };
    let nodes = order.into_iter().map(node).collect();
    (nodes, zones.len().max(1))
}
