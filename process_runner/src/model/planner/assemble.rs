//! From the grid to the network: what is fair, what is allowed, and what may move.

use std::collections::BTreeMap;

use super::cell::{Cell, Limits};
use super::cost::{Cost, Fairness, Levels, steepness};
use super::grid::{Grid, GridJob, GridNode};
use super::network::{Group, Network, Parts, Total};
use super::shares::{self, Band, Receiver};

/// Which flow is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ask<'a> {
    /// The best plan; of those, the one with the fewest moves.
    Balanced,
    /// These stay where they are; what else there is goes where `balanced` has it.
    Needed {
        /// Per cell.
        staying: &'a [u32],
        /// Per cell.
        balanced: &'a [u32],
    },
}

/// The network whose cheapest flow is the answer.
pub(super) fn assemble(grid: &Grid, ask: Ask<'_>) -> Network {
    let weights = grid.nodes.iter().filter(|node| node.usable);
    let greatest = weights.map(|node| node.weight).max().unwrap_or(1);
    let steep: Vec<u32> = grid
        .nodes
        .iter()
        .map(|node| steepness(node.weight, greatest))
        .collect();
    let steepest = steep.iter().copied().max().unwrap_or(1);
    let levels = Levels::new(grid.jobs.len(), grid.demand(), steepest, grid.zones > 1);
    let bands = job_shares(grid);
    let away = match ask {
        Ask::Balanced => levels.moved,
        Ask::Needed { .. } => levels.astray,
    };
    let mut cells = Vec::with_capacity(grid.caps.len());
    for (node, steep) in steep.iter().enumerate() {
        for job in 0..grid.jobs.len() {
            let cell = grid.cell(node, job);
            let fair = Fairness {
                band: bands[cell],
                steep: *steep,
            };
            cells.push(Cell::new(fair, limits(grid, ask, cell, away)));
        }
    }
    Network::new(Parts {
        zones: grid.zones,
        levels,
        demand: grid.jobs.iter().map(|job| job.demand).collect(),
        groups: groups(grid, &bands),
        totals: totals(grid, &steep),
        cells,
    })
}

fn limits(grid: &Grid, ask: Ask<'_>, cell: usize, away: Cost) -> Limits {
    let (base, home) = match ask {
        Ask::Balanced => (0, grid.held[cell]),
        Ask::Needed { staying, balanced } => (staying[cell], balanced[cell]),
    };
    Limits {
        cap: grid.caps[cell],
        base,
        home,
        away,
    }
}

/// The fair share of each cell, jobs of one shape computed once.
fn job_shares(grid: &Grid) -> Vec<Band> {
    let mut bands = vec![Band::default(); grid.caps.len()];
    let mut known: BTreeMap<(u32, Vec<u32>), Vec<Band>> = BTreeMap::new();
    for job in 0..grid.jobs.len() {
        let demand = grid.jobs[job].demand;
        let caps = (0..grid.nodes.len()).map(|node| grid.caps[grid.cell(node, job)]);
        let caps: Vec<u32> = caps.collect();
        let shares = known.entry((demand, caps)).or_insert_with_key(|(_, caps)| {
            let receivers = grid.nodes.iter().zip(caps).map(|(node, cap)| Receiver {
                weight: node.weight,
                cap: *cap,
                last_resort: node.last_resort,
            });
            shares::by_weight(u64::from(demand), &receivers.collect::<Vec<_>>())
        });
        for (node, share) in shares.iter().enumerate() {
            bands[grid.cell(node, job)] = *share;
        }
    }
    bands
}

/// Each job spread over the zones as evenly as its fair shares of the nodes in them allow.
fn groups(grid: &Grid, bands: &[Band]) -> Vec<Group> {
    let mut groups = Vec::with_capacity(grid.jobs.len() * grid.zones);
    for (job, GridJob { demand, .. }) in grid.jobs.iter().enumerate() {
        let mut limits = vec![(0, 0); grid.zones];
        for (node, at) in grid.nodes.iter().enumerate() {
            let Band { floor, ceil } = bands[grid.cell(node, job)];
            let (least, most) = &mut limits[at.zone as usize];
            *least += floor;
            *most += ceil;
        }
        for band in shares::within(u64::from(*demand), &limits) {
            groups.push(Group {
                fair: Fairness { band, steep: 1 },
                count: 0,
            });
        }
    }
    groups
}

/// Each node's fair share of all slots.
fn totals(grid: &Grid, steep: &[u32]) -> Vec<Total> {
    let receivers = grid.nodes.iter().map(|node| Receiver {
        weight: node.weight,
        cap: if node.usable { node.capacity } else { 0 },
        last_resort: node.last_resort,
    });
    let bands = shares::by_weight(grid.demand(), &receivers.collect::<Vec<_>>());
    let total = |((node, band), steep): ((&GridNode, Band), &u32)| Total {
        fair: Fairness {
            band,
            steep: *steep,
        },
        capacity: if node.usable { node.capacity } else { 0 },
        last_resort: node.last_resort,
        zone: node.zone,
        count: 0,
    };
    grid.nodes.iter().zip(bands).zip(steep).map(total).collect()
}
