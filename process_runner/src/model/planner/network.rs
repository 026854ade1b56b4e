//! The plan as a flow of slots.
//!
//! ```text
//!   job ----> job in a zone ----> node ----> sink
//!     `------------- unplaced ---------------^
//! ```
//!
//! A job sends its slots to nodes, by way of their zones, and the sink takes them all. Each arrow
//! has a cost that grows with what flows through it: see [`cost`](super::cost).
//!
//! The flow begins where everything is fair and nothing moves, so it need not add up: a place may
//! get more than it passes on ([`Network::surplus`] is positive) or less. Each arrow is at its best
//! by itself, though, and the [search](super::search) keeps that true while it brings surplus and
//! lack together.

use super::cell::Cell;
use super::cost::{Cost, Fairness, Levels, NEVER};

/// A job, a job in a zone, a node, or the sink.
pub(super) type Place = usize;

/// The flow, and what more or less of it costs.
#[derive(Debug)]
pub(super) struct Network {
    jobs: usize,
    zones: usize,
    nodes_in: Vec<Vec<u32>>,
    /// Per node and job.
    cells: Vec<Cell>,
    /// Per job and zone.
    groups: Vec<Group>,
    totals: Vec<Total>,
    demand: Vec<u32>,
    unplaced: Vec<u32>,
    levels: Levels,
    /// Per place: what comes in, less what goes out.
    pub(super) surplus: Vec<i64>,
}

/// The workers of one job in one zone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    pub(super) fair: Fairness,
    pub(super) count: u32,
}

/// All workers of one node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Total {
    pub(super) fair: Fairness,
    pub(super) capacity: u32,
    pub(super) last_resort: bool,
    pub(super) zone: u32,
    pub(super) count: u32,
}

/// What a network is made of.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) zones: usize,
    pub(super) levels: Levels,
    /// How many slots each job has to place.
    pub(super) demand: Vec<u32>,
    pub(super) cells: Vec<Cell>,
    pub(super) groups: Vec<Group>,
    pub(super) totals: Vec<Total>,
}

impl Network {
    /// The flow that is best arrow by arrow.
    pub(super) fn new(parts: Parts) -> Self {
        let Parts {
            zones,
            levels,
            demand,
            cells,
            groups,
            totals,
        } = parts;
        let jobs = demand.len();
        let mut nodes_in = vec![Vec::new(); zones];
        for (node, total) in (0..).zip(&totals) {
            nodes_in[total.zone as usize].push(node);
        }
        let mut network = Self {
            jobs,
            zones,
            nodes_in,
            surplus: vec![0; jobs + groups.len() + totals.len() + 1],
            unplaced: vec![0; jobs],
            cells,
            groups,
            totals,
            demand,
            levels,
        };
        network.begin();
        network
    }

    /// How many workers each cell of the grid has.
    pub(super) fn counts(&self) -> impl Iterator<Item = u32> {
        self.cells.iter().map(|cell| cell.count)
    }

    pub(super) fn places(&self) -> usize {
        self.surplus.len()
    }

    fn group(&self, job: usize, zone: usize) -> usize {
        job * self.zones + zone
    }

    fn node_place(&self, node: usize) -> Place {
        self.jobs + self.groups.len() + node
    }

    fn sink(&self) -> Place {
        self.places() - 1
    }

    fn begin(&mut self) {
        let levels = self.levels;
        let (mut inflow, mut outflow) = (vec![0; self.totals.len()], vec![0; self.groups.len()]);
        for (node, total) in self.totals.iter().enumerate() {
            for job in 0..self.jobs {
                let cell = &mut self.cells[node * self.jobs + job];
                cell.set(&levels, cell.best(&levels));
                inflow[node] += cell.count;
                outflow[job * self.zones + total.zone as usize] += cell.count;
            }
        }
        let mut taken = 0;
        for (node, inflow) in inflow.into_iter().enumerate() {
            let total = &mut self.totals[node];
            total.count = total.best(inflow);
            let place = self.node_place(node);
            self.surplus[place] = i64::from(inflow) - i64::from(self.totals[node].count);
            taken += i64::from(self.totals[node].count);
        }
        for (at, outflow) in outflow.into_iter().enumerate() {
            let count = self.groups[at].best(outflow, &levels);
            self.groups[at].count = count;
            self.surplus[self.jobs + at] = i64::from(count) - i64::from(outflow);
        }
        let mut demanded = 0;
        for job in 0..self.jobs {
            let sent = &self.groups[job * self.zones..(job + 1) * self.zones];
            let sent: i64 = sent.iter().map(|group| i64::from(group.count)).sum();
            self.surplus[job] = i64::from(self.demand[job]) - sent;
            demanded += i64::from(self.demand[job]);
        }
        let sink = self.sink();
        self.surplus[sink] = taken - demanded;
    }

    /// How many arrows lead out of `place`, those on which flow is taken back included.
    pub(super) fn arrows(&self, place: Place) -> usize {
        match self.kind(place) {
            Kind::Job(_) => self.zones + 1,
            Kind::Group(_, zone) => self.nodes_in[zone].len() + 1,
            Kind::Node(_) => self.jobs + 1,
            Kind::Sink => self.totals.len() + self.jobs,
        }
    }

    /// Where arrow number `arrow` leads, and what one slot along it costs; [`NEVER`] if none can go.
    pub(super) fn arrow(&self, place: Place, arrow: usize) -> (Place, Cost) {
        match self.kind(place) {
            Kind::Job(job) if arrow == self.zones => (self.sink(), self.leave_unplaced(job)),
            Kind::Job(job) => {
                let group = self.group(job, arrow);
                (self.jobs + group, self.groups[group].more(&self.levels))
            }
            Kind::Group(job, zone) if arrow == self.nodes_in[zone].len() => {
                (job, self.groups[place - self.jobs].less(&self.levels))
            }
            Kind::Group(job, zone) => {
                let node = self.nodes_in[zone][arrow] as usize;
                (
                    self.node_place(node),
                    self.cells[node * self.jobs + job].more(),
                )
            }
            Kind::Node(node) if arrow == self.jobs => {
                (self.sink(), self.totals[node].more(&self.levels))
            }
            Kind::Node(node) => {
                let group = self.group(arrow, self.totals[node].zone as usize);
                let cell = &self.cells[node * self.jobs + arrow];
                (self.jobs + group, cell.less())
            }
            Kind::Sink if arrow < self.totals.len() => (
                self.node_place(arrow),
                self.totals[arrow].less(&self.levels),
            ),
            Kind::Sink => {
                let job = arrow - self.totals.len();
                (job, self.place_after_all(job))
            }
        }
    }

    /// Sends one slot along an arrow that has a cost.
    pub(super) fn send(&mut self, place: Place, arrow: usize) {
        let levels = self.levels;
        match self.kind(place) {
            Kind::Job(job) if arrow == self.zones => self.unplaced[job] += 1,
            Kind::Job(job) => {
                let group = self.group(job, arrow);
                self.groups[group].count += 1;
            }
            Kind::Group(_, zone) if arrow == self.nodes_in[zone].len() => {
                self.groups[place - self.jobs].count -= 1;
            }
            Kind::Group(job, zone) => {
                let node = self.nodes_in[zone][arrow] as usize;
                let cell = &mut self.cells[node * self.jobs + job];
                cell.set(&levels, cell.count + 1);
            }
            Kind::Node(node) if arrow == self.jobs => self.totals[node].count += 1,
            Kind::Node(node) => {
                let cell = &mut self.cells[node * self.jobs + arrow];
                cell.set(&levels, cell.count - 1);
            }
            Kind::Sink if arrow < self.totals.len() => self.totals[arrow].count -= 1,
            Kind::Sink => self.unplaced[arrow - self.totals.len()] -= 1,
        }
    }

    fn leave_unplaced(&self, job: usize) -> Cost {
        if self.unplaced[job] < self.demand[job] {
            self.levels.unplaced
        } else {
            NEVER
        }
    }

    fn place_after_all(&self, job: usize) -> Cost {
        if self.unplaced[job] > 0 {
            -self.levels.unplaced
        } else {
            NEVER
        }
    }

    fn kind(&self, place: Place) -> Kind {
        let nodes = self.jobs + self.groups.len();
        if place < self.jobs {
            Kind::Job(place)
        } else if place < nodes {
            let group = place - self.jobs;
            Kind::Group(group / self.zones, group % self.zones)
        } else if place < self.sink() {
            Kind::Node(place - nodes)
        } else {
            Kind::Sink
        }
    }
}

/// A place, by what it is.
enum Kind {
    Job(usize),
    Group(usize, usize),
    Node(usize),
    Sink,
}

impl Group {
    fn more(&self, levels: &Levels) -> Cost {
        self.fair.step(self.count) * levels.zone
    }

    fn less(&self, levels: &Levels) -> Cost {
        match self.count.checked_sub(1) {
            Some(count) => -self.fair.step(count) * levels.zone,
            None => NEVER,
        }
    }

    /// As near to `wanted` as is fair.
    fn best(&self, wanted: u32, levels: &Levels) -> u32 {
        if levels.zone == 0 {
            return wanted;
        }
        wanted.clamp(self.fair.band.floor, self.fair.band.ceil)
    }
}

impl Total {
    fn step(&self, levels: &Levels, count: u32) -> Cost {
        let last_resort = if self.last_resort {
            levels.last_resort
        } else {
            0
        };
        last_resort + self.fair.step(count) * levels.total
    }

    fn more(&self, levels: &Levels) -> Cost {
        if self.count < self.capacity {
            self.step(levels, self.count)
        } else {
            NEVER
        }
    }

    fn less(&self, levels: &Levels) -> Cost {
        match self.count.checked_sub(1) {
            Some(count) => -self.step(levels, count),
            None => NEVER,
        }
    }

    /// As near to `wanted` as is fair. A last resort costs from the first slot on.
    fn best(&self, wanted: u32) -> u32 {
        if self.last_resort {
            return 0;
        }
        wanted.clamp(self.fair.band.floor, self.fair.band.ceil)
    }
}
