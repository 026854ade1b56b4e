//! From the grid to the network: what is fair, what is allowed, and what may move.

use std::collections::BTreeMap;

use super::cell::Cell;
use super::cost::{Fairness, Levels, Size, steepness};
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
    let usable = grid.nodes.iter().filter(|node| node.usable);
    let greatest = usable.map(|node| node.weight).max().unwrap_or(1);
    let steep: Vec<u32> = grid
        .nodes
        .iter()
        .map(|node| steepness(node.weight, greatest))
        .collect();
    let levels = Levels::new(Size {
        jobs: grid.jobs.len(),
        slots: grid.demand(),
        steepest: steep.iter().copied().max().unwrap_or(1),
        zones: grid.zones > 1,
        home_first: matches!(ask, Ask::Needed { .. }),
    });
    let bands = job_shares(grid);
    Network::new(Parts {
        zones: grid.zones,
        levels,
        demand: grid.jobs.iter().map(|job| job.demand).collect(),
        cells: cells(grid, ask, &bands, &steep),
        groups: groups(grid, &bands),
        totals: totals(grid, &steep),
    })
}

fn cells(grid: &Grid, ask: Ask<'_>, bands: &[Band], steep: &[u32]) -> Vec<Cell> {
    let cell = |(cell, steep): (usize, &u32)| {
        let (base, home) = match ask {
            Ask::Balanced => (0, grid.held[cell]),
            Ask::Needed { staying, balanced } => (staying[cell], balanced[cell]),
        };
        Cell {
            fair: Fairness {
                band: bands[cell],
                steep: *steep,
            },
            cap: grid.caps[cell],
            base,
            home,
            count: 0,
        }
    };
    let mut cells = Vec::with_capacity(grid.caps.len());
    for job in 0..grid.jobs.len() {
        cells.extend(grid.row(job).zip(steep).map(cell));
    }
    cells
}

/// The fair share of each cell, jobs of one shape computed once.
fn job_shares(grid: &Grid) -> Vec<Band> {
    let mut bands = Vec::with_capacity(grid.caps.len());
    let mut known: BTreeMap<(u32, &[u32]), Vec<Band>> = BTreeMap::new();
    for (job, GridJob { demand, .. }) in grid.jobs.iter().enumerate() {
        let caps = &grid.caps[grid.row(job)];
        let shares = known.entry((*demand, caps)).or_insert_with(|| {
            let receivers = grid.nodes.iter().zip(caps).map(|(node, cap)| Receiver {
                weight: node.weight,
                cap: *cap,
                last_resort: node.last_resort,
            });
            shares::by_weight(u64::from(*demand), &receivers.collect::<Vec<_>>())
        });
        bands.extend_from_slice(shares);
    }
    bands
}

/// Each job spread over the zones as evenly as its fair shares of the nodes in them allow.
fn groups(grid: &Grid, bands: &[Band]) -> Vec<Group> {
    let mut groups = Vec::with_capacity(grid.jobs.len() * grid.zones);
    if grid.zones == 1 {
        let any = Group {
            band: Band::default(),
            count: 0,
        };
        groups.resize(grid.jobs.len(), any);
        return groups;
    }
    for (job, GridJob { demand, .. }) in grid.jobs.iter().enumerate() {
        let mut limits = vec![(0, 0); grid.zones];
        for (band, node) in bands[grid.row(job)].iter().zip(&grid.nodes) {
            let (least, most) = &mut limits[node.zone as usize];
            *least += band.floor;
            *most += band.ceil;
        }
        let bands = shares::within(u64::from(*demand), &limits);
        groups.extend(bands.into_iter().map(|band| Group { band, count: 0 }));
    }
    groups
}

/// Each node's fair share of all slots.
fn totals(grid: &Grid, steep: &[u32]) -> Vec<Total> {
    let receivers = grid.nodes.iter().map(|node| Receiver {
        weight: node.weight,
        cap: node.room(),
        last_resort: node.last_resort,
    });
    let bands = shares::by_weight(grid.demand(), &receivers.collect::<Vec<_>>());
    let total = |((node, band), steep): ((&GridNode, Band), &u32)| Total {
        fair: Fairness {
            band,
            steep: *steep,
        },
        capacity: node.room(),
        last_resort: node.last_resort,
        zone: node.zone,
        count: 0,
    };
    grid.nodes.iter().zip(bands).zip(steep).map(total).collect()
}
