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
use super::cost::{Cost, Fairness, Levels, NEVER, starved, zone_step};
use super::shares::Band;

/// A job, a job in a zone, a node, or the sink.
pub(super) type Place = usize;

/// The flow, and what more or less of it costs.
#[derive(Debug)]
pub(super) struct Network {
    jobs: usize,
    zones: usize,
    nodes: usize,
    nodes_in: Vec<Vec<u32>>,
    /// As in the grid.
    cells: Vec<Cell>,
    /// As the cells: what one more costs. Costs are read far more often than they change.
    more: Vec<Cost>,
    /// What one less costs; the cells of one *node* together, as that is how they are read.
    less: Vec<Cost>,
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
    pub(super) band: Band,
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
    /// Per job, its zones.
    pub(super) groups: Vec<Group>,
    pub(super) totals: Vec<Total>,
}

impl Network {
    /// The flow that is best arrow by arrow.
    pub(super) fn new(parts: Parts) -> Self {
        let (jobs, nodes) = (parts.demand.len(), parts.totals.len());
        let mut nodes_in = vec![Vec::new(); parts.zones];
        for (node, total) in (0..).zip(&parts.totals) {
            nodes_in[total.zone as usize].push(node);
        }
        let mut network = Self {
            jobs,
            zones: parts.zones,
            nodes,
            nodes_in,
            more: vec![NEVER; parts.cells.len()],
            less: vec![NEVER; parts.cells.len()],
            surplus: vec![0; jobs + parts.groups.len() + nodes + 1],
            unplaced: vec![0; jobs],
            cells: parts.cells,
            groups: parts.groups,
            totals: parts.totals,
            demand: parts.demand,
            levels: parts.levels,
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

    fn begin(&mut self) {
        for job in 0..self.jobs {
            for node in 0..self.nodes {
                let best = self.cells[job * self.nodes + node].best(&self.levels);
                self.set_cell(job, node, best);
                let group = self.group_of(job, node);
                self.surplus[group] -= i64::from(best);
                let node = self.node_place(node);
                self.surplus[node] += i64::from(best);
            }
            self.begin_job(job);
        }
        let sink = self.sink();
        for node in 0..self.nodes {
            let place = self.node_place(node);
            let count = self.totals[node].best(self.surplus[place]);
            self.totals[node].count = count;
            self.surplus[place] -= i64::from(count);
            self.surplus[sink] += i64::from(count);
        }
    }

    fn begin_job(&mut self, job: usize) {
        let demand = i64::from(self.demand[job]);
        self.surplus[job] += demand;
        let sink = self.sink();
        self.surplus[sink] -= demand;
        for zone in 0..self.zones {
            let place = self.group_place(job, zone);
            let group = &mut self.groups[place - self.jobs];
            group.count = group.best(-self.surplus[place], &self.levels);
            let count = i64::from(group.count);
            self.surplus[place] += count;
            self.surplus[job] -= count;
        }
    }

    /// How many arrows lead out of `place`, those on which flow is taken back included.
    pub(super) fn arrows(&self, place: Place) -> usize {
        match self.kind(place) {
            Kind::Job(_) => self.zones + 1,
            Kind::Group(_, zone) => self.nodes_in[zone].len() + 1,
            Kind::Node(_) => self.jobs + 1,
            Kind::Sink => self.nodes + self.jobs,
        }
    }

    /// The first of the arrows from number `from` on that leads somewhere, as `choose` sees it.
    /// It is given the number, the end, and what one slot costs; [`NEVER`] if none can go.
    pub(super) fn find_arrow(
        &self,
        place: Place,
        from: usize,
        mut choose: impl FnMut(usize, Place, Cost) -> bool,
    ) -> Option<(usize, Place)> {
        let mut arrows = from..self.arrows(place);
        let mut look = |arrow: usize, to: Place, cost: Cost| {
            (cost < NEVER && choose(arrow, to, cost)).then_some((arrow, to))
        };
        match self.kind(place) {
            Kind::Job(job) => arrows.find_map(|zone| match zone == self.zones {
                true => look(zone, self.sink(), self.leave_unplaced(job)),
                false => {
                    let to = self.group_place(job, zone);
                    look(zone, to, self.groups[to - self.jobs].more(&self.levels))
                }
            }),
            Kind::Group(job, zone) => {
                let nodes = &self.nodes_in[zone];
                let more = &self.more[job * self.nodes..(job + 1) * self.nodes];
                let first = self.node_place(0);
                arrows.find_map(|arrow| match nodes.get(arrow) {
                    Some(node) => look(arrow, first + *node as usize, more[*node as usize]),
                    None => look(
                        arrow,
                        job,
                        self.groups[place - self.jobs].less(&self.levels),
                    ),
                })
            }
            Kind::Node(node) => {
                let less = &self.less[node * self.jobs..(node + 1) * self.jobs];
                let first = self.group_of(0, node);
                arrows.find_map(|job| match less.get(job) {
                    Some(less) => look(job, first + job * self.zones, *less),
                    None => look(job, self.sink(), self.totals[node].more(&self.levels)),
                })
            }
            Kind::Sink => arrows.find_map(|arrow| match self.totals.get(arrow) {
                Some(total) => look(arrow, self.node_place(arrow), total.less(&self.levels)),
                None => {
                    let job = arrow - self.nodes;
                    look(arrow, job, self.place_after_all(job))
                }
            }),
        }
    }

    /// Sends one slot along an arrow that was found.
    pub(super) fn send(&mut self, place: Place, arrow: usize) {
        match self.kind(place) {
            Kind::Job(job) if arrow == self.zones => self.unplaced[job] += 1,
            Kind::Job(job) => {
                let group = self.group_place(job, arrow) - self.jobs;
                self.groups[group].count += 1;
            }
            Kind::Group(job, zone) => match self.nodes_in[zone].get(arrow) {
                Some(node) => self.change_cell(job, *node as usize, 1),
                None => self.groups[place - self.jobs].count -= 1,
            },
            Kind::Node(node) if arrow == self.jobs => self.totals[node].count += 1,
            Kind::Node(node) => self.change_cell(arrow, node, -1),
            Kind::Sink => match arrow.checked_sub(self.nodes) {
                Some(job) => self.unplaced[job] -= 1,
                None => self.totals[arrow].count -= 1,
            },
        }
    }

    fn change_cell(&mut self, job: usize, node: usize, change: i32) {
        let count = self.cells[job * self.nodes + node].count;
        self.set_cell(job, node, count.saturating_add_signed(change));
    }

    fn set_cell(&mut self, job: usize, node: usize, count: u32) {
        let at = job * self.nodes + node;
        let cell = &mut self.cells[at];
        cell.count = count;
        self.more[at] = cell.more(&self.levels);
        self.less[node * self.jobs + job] = cell.less(&self.levels);
    }

    fn leave_unplaced(&self, job: usize) -> Cost {
        if self.unplaced[job] < self.demand[job] {
            self.unplaced_step(job, self.unplaced[job])
        } else {
            NEVER
        }
    }

    fn place_after_all(&self, job: usize) -> Cost {
        match self.unplaced[job].checked_sub(1) {
            Some(unplaced) => -self.unplaced_step(job, unplaced),
            None => NEVER,
        }
    }

    fn unplaced_step(&self, job: usize, unplaced: u32) -> Cost {
        self.levels.unplaced + starved(unplaced, self.demand[job]) * self.levels.starved
    }
}

/// A place, by what it is.
enum Kind {
    Job(usize),
    Group(usize, usize),
    Node(usize),
    Sink,
}

/// Where places stand: jobs, groups job by job, nodes, the sink.
impl Network {
    fn kind(&self, place: Place) -> Kind {
        let first_node = self.node_place(0);
        if place < self.jobs {
            Kind::Job(place)
        } else if place < first_node {
            let group = place - self.jobs;
            Kind::Group(group / self.zones, group % self.zones)
        } else if place < self.sink() {
            Kind::Node(place - first_node)
        } else {
            Kind::Sink
        }
    }

    fn group_place(&self, job: usize, zone: usize) -> Place {
        self.jobs + job * self.zones + zone
    }

    /// The group of `job` in the zone of `node`.
    fn group_of(&self, job: usize, node: usize) -> Place {
        self.group_place(job, self.totals[node].zone as usize)
    }

    fn node_place(&self, node: usize) -> Place {
        self.group_place(self.jobs, 0) + node
    }

    fn sink(&self) -> Place {
        self.places() - 1
    }
}

impl Group {
    fn more(&self, levels: &Levels) -> Cost {
        zone_step(self.band, self.count) * levels.zone
    }

    fn less(&self, levels: &Levels) -> Cost {
        match self.count.checked_sub(1) {
            Some(count) => -zone_step(self.band, count) * levels.zone,
            None => NEVER,
        }
    }

    /// As near to `wanted` as is fair.
    fn best(&self, wanted: i64, levels: &Levels) -> u32 {
        if levels.zone == 0 {
            // Counts are `u32`, and so is their sum by the cap on all slots.
            return wanted as u32;
        }
        near(wanted, self.band)
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
    fn best(&self, wanted: i64) -> u32 {
        if self.last_resort {
            return 0;
        }
        near(wanted, self.fair.band)
    }
}

/// Between floor and ceiling, which are `u32`.
fn near(wanted: i64, band: Band) -> u32 {
    wanted.clamp(i64::from(band.floor), i64::from(band.ceil)) as u32
}
