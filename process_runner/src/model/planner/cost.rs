//! What a plan costs: the aims, in their order, in one number.
//!
//! Every aim is a sum over places, and its marginal cost (that of one more slot) never falls. So
//! the cheapest flow of slots through the network is the best plan, exactly. An aim is worth more
//! than everything that the aims after it could gain together.

use super::shares::Band;

/// A sum of all aims. Greater is worse.
pub(super) type Cost = i128;

/// Higher than any sum of costs.
pub(super) const NEVER: Cost = Cost::MAX / 4;

/// What one violation of each aim costs, in the order of the aims.
#[derive(Debug, Clone, Copy)]
pub(super) struct Levels {
    /// A slot that is nowhere.
    pub(super) unplaced: Cost,
    /// A slot on a node of last resort.
    pub(super) last_resort: Cost,
    /// A step away from the job's fair share of a node.
    pub(super) job: Cost,
    /// A step away from the node's fair share of all slots.
    pub(super) total: Cost,
    /// A step away from an even spread over zones.
    pub(super) zone: Cost,
    /// An eighth of a job that is nowhere.
    pub(super) starved: Cost,
    /// A slot that is away from home: that moves or, where only what has to moves and this comes
    /// before all fairness, that is not where the balanced plan has it.
    pub(super) away: Cost,
}

/// The greatest weight counts as at most this many times any other where shares cannot be met.
const STEEPEST: u32 = 64;
/// Deviations beyond this are all the same.
const FARTHEST: u32 = 1 << 20;
/// In larger clusters than these the aims would begin to blur, instead of overflowing.
const MOST_JOBS: Cost = 1 << 16;
const MOST_SLOTS: Cost = 1 << 22;

impl Levels {
    /// The levels of the network that `size` tells of.
    pub(super) fn new(size: Size) -> Self {
        // A cycle in the network enters and leaves each job at most once, and the sink once. So
        // these are bounds of what a change for the better in one aim can cost in those after it.
        let jobs = (size.jobs as Cost).min(MOST_JOBS);
        let slots = Cost::from(size.slots).min(MOST_SLOTS);
        let steepest = Cost::from(size.steepest);
        let deviation = |places: Cost| 2 * steepest * (slots + 1) + 2 * places + 1;
        let aways = 4 * jobs + 5;
        let starved = 1;
        let after_starved = 2 * Cost::from(STARVED_MOST) + 1;
        let zone = after_starved * if size.home_first { 1 } else { aways };
        let total = if size.zones {
            zone * (4 * jobs * STEPS_OF_A_ZONE + 1)
        } else {
            zone
        };
        let job = total * deviation(2);
        let after_job = job * deviation(jobs);
        let (away, last_resort) = match size.home_first {
            true => (after_job, after_job * aways),
            false => (after_starved, after_job),
        };
        Self {
            unplaced: last_resort * aways,
            last_resort,
            job,
            total,
            zone: if size.zones { zone } else { 0 },
            starved,
            away,
        }
    }
}

/// What the levels must be apart for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) jobs: usize,
    pub(super) slots: u64,
    /// The greatest steepness of a deviation.
    pub(super) steepest: u32,
    /// Whether there are zones to spread over.
    pub(super) zones: bool,
    /// Whether being at home comes before all fairness.
    pub(super) home_first: bool,
}

/// How far it is from a fair share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fairness {
    pub(super) band: Band,
    /// How much worse each further step is: more for those of less weight.
    pub(super) steep: u32,
}

impl Fairness {
    /// The deviation that the slot after the first `count` adds; below the share it takes some away.
    pub(super) fn step(&self, count: u32) -> Cost {
        let Band { floor, ceil } = self.band;
        let worse = |steps: u32| 1 + Cost::from(steps.min(FARTHEST)) * Cost::from(self.steep);
        if count < floor {
            -worse(floor - count - 1)
        } else if count < ceil {
            0
        } else {
            worse(count - ceil)
        }
    }
}

/// The deviation that the slot after the first `count` of a job in one zone adds. Its steps grow
/// with the order of magnitude only: zones of unequal size stand far from an even spread, and
/// nobody needs to know exactly how far.
pub(super) fn zone_step(band: Band, count: u32) -> Cost {
    let worse = |steps: u32| Cost::from(steps.saturating_add(1).ilog2() + 1);
    let Band { floor, ceil } = band;
    if count < floor {
        -worse(floor - count - 1)
    } else if count < ceil {
        0
    } else {
        worse(count - ceil)
    }
}

/// How starved a job is of whose `demand` these are `unplaced` and one more.
pub(super) fn starved(unplaced: u32, demand: u32) -> Cost {
    Cost::from(u64::from(unplaced) * u64::from(STARVED_MOST) / u64::from(demand.max(1)))
}

const STARVED_MOST: u32 = 8;

/// The most that [`zone_step`] answers.
const STEPS_OF_A_ZONE: Cost = 33;

/// The steepness for a node of `weight`, where `greatest` is the greatest of all nodes.
pub(super) fn steepness(weight: u32, greatest: u32) -> u32 {
    (greatest / weight.max(1)).clamp(1, STEEPEST)
}
