//! What a plan amounts to: its moves, its spread, and the fewest moves there could be.

use super::grid::Grid;
use super::shares::{self, Band, Receiver};
use super::{Obstacle, Placement, Plan};
use crate::model::view::{ClusterView, NodeIx, NodeView, Seat};

/// A worker index that gets another node, or its first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// The job's place in the view.
    pub job: usize,
    /// The worker index.
    pub index: u32,
    /// Who has it now.
    pub from: Option<NodeIx>,
    /// Who is to have it.
    pub to: NodeIx,
}

impl Plan {
    /// What changes hands between `view`, from which the plan was made, and the plan. Ascending by
    /// job and index.
    pub fn moves<'a>(&'a self, view: &'a ClusterView) -> impl Iterator<Item = Move> + 'a {
        self.placements().filter_map(|(job, index, placement)| {
            let seat = view.jobs.get(job)?.seats.get(index as usize)?;
            let from = match seat {
                Seat::Taken(node) => Some(*node),
                Seat::Free | Seat::Done => None,
            };
            match placement {
                Placement::On(to) if from != Some(to) => Some(Move {
                    job,
                    index,
                    from,
                    to,
                }),
                _ => None,
            }
        })
    }

    /// The job's place in the view, the worker index, and the reason, of all that is nowhere.
    pub fn unplaced(&self) -> impl Iterator<Item = (usize, u32, Obstacle)> + '_ {
        self.placements()
            .filter_map(|(job, index, placement)| match placement {
                Placement::Unplaced(obstacle) => Some((job, index, obstacle)),
                Placement::On(_) | Placement::Done => None,
            })
    }

    /// Per job and node, how many workers there are.
    pub fn counts(&self, view: &ClusterView) -> Vec<Vec<u32>> {
        let count = |placements: &Vec<Placement>| {
            let mut counts = vec![0; view.nodes.len()];
            for placement in placements {
                if let Placement::On(node) = placement {
                    counts[*node as usize] += 1;
                }
            }
            counts
        };
        self.jobs.iter().map(count).collect()
    }

    /// The greatest count less the least: of each job over the nodes that may run it, and of all
    /// slots over the nodes that take any.
    pub fn spread(&self, view: &ClusterView) -> Spread {
        let counts = self.counts(view);
        let nodes: Vec<NodeIx> = (0..)
            .zip(&view.nodes)
            .filter(|(_, node)| node.takes_slots())
            .map(|(place, _)| place)
            .collect();
        let jobs = view.jobs.iter().zip(&counts).map(|(job, counts)| {
            let eligible = nodes.iter().filter(|node| job.allows(**node));
            distance(eligible.map(|node| counts[*node as usize]))
        });
        let total = |node: &NodeIx| counts.iter().map(|job| job[*node as usize]).sum();
        Spread {
            jobs: jobs.collect(),
            total: distance(nodes.iter().map(total)),
        }
    }

    fn placements(&self) -> impl Iterator<Item = (usize, u32, Placement)> + '_ {
        let jobs = self.jobs.iter().enumerate();
        jobs.flat_map(|(job, placements)| {
            (0..)
                .zip(placements)
                .map(move |(index, placement)| (job, index, *placement))
        })
    }
}

/// How unevenly slots are spread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spread {
    /// As [`ClusterView::jobs`].
    pub jobs: Vec<u32>,
    /// Over all jobs together.
    pub total: u32,
}

fn distance(counts: impl Iterator<Item = u32> + Clone) -> u32 {
    let most = counts.clone().max().unwrap_or(0);
    most - counts.min().unwrap_or(0)
}

/// A number of moves below which no fair plan of `view` is possible: each job alone, or all slots
/// together, would be off their shares. `None` where caps, labels, zones or last resorts come before
/// the number of moves, so that nothing so simple can be said.
pub fn lower_bound(view: &ClusterView) -> Option<u64> {
    let grid = Grid::new(view);
    let free = |node: &NodeView| node.capacity.is_none() && !node.last_resort;
    let open = |(place, node): (NodeIx, &NodeView)| {
        !node.takes_slots() || view.jobs.iter().all(|job| job.allows(place))
    };
    let plain = grid.zones == 1
        && view.nodes.iter().all(free)
        && (0..).zip(&view.nodes).all(open)
        && view.jobs.iter().all(|job| job.max_per_node.is_none());
    if !plain || !view.nodes.iter().any(NodeView::takes_slots) {
        return None;
    }
    let jobs = (0..grid.jobs.len()).map(|job| {
        let held = grid.held[grid.row(job)].iter().copied();
        fewest(&grid, u64::from(grid.jobs[job].demand), held)
    });
    let held = (0..grid.nodes.len()).map(|node| {
        let jobs = 0..grid.jobs.len();
        jobs.map(|job| grid.held[grid.cell(job, node)]).sum()
    });
    let together = fewest(&grid, grid.demand(), held);
    Some(jobs.sum::<u64>().max(together))
}

/// The fewest moves with which `held` becomes a fair deal of `demand`: the ceilings go to those
/// who hold as many already.
fn fewest(grid: &Grid, demand: u64, held: impl Iterator<Item = u32>) -> u64 {
    let receivers = grid.nodes.iter().map(|node| Receiver {
        weight: node.weight,
        cap: node.room(),
        last_resort: false,
    });
    let bands = shares::by_weight(demand, &receivers.collect::<Vec<_>>());
    let floors: u64 = bands.iter().map(|band| u64::from(band.floor)).sum();
    let (mut stay, mut at_ceiling) = (0, 0);
    for (Band { floor, ceil }, held) in bands.into_iter().zip(held) {
        stay += u64::from(held.min(floor));
        at_ceiling += u64::from(ceil > floor && held > floor);
    }
    demand - stay - at_ceiling.min(demand - floors)
}
