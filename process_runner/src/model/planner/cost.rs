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
    /// When only what has to moves: a slot that is not where the balanced plan has it.
    pub(super) astray: Cost,
    /// A step away from the job's fair share of a node.
    pub(super) job: Cost,
    /// A step away from the node's fair share of all slots.
    pub(super) total: Cost,
    /// A step away from an even spread over zones.
    pub(super) zone: Cost,
    /// A slot that moves.
    pub(super) moved: Cost,
}

/// The greatest weight counts as at most this many times any other where shares cannot be met.
const STEEPEST: u32 = 64;
/// Deviations beyond this are all the same.
const FARTHEST: u32 = 1 << 20;
/// In larger clusters than these the aims would begin to blur, instead of overflowing.
const MOST_JOBS: Cost = 1 << 16;
const MOST_SLOTS: Cost = 1 << 22;

impl Levels {
    /// For this many `jobs` and `slots`. `steepest` is the greatest step of a deviation.
    pub(super) fn new(jobs: usize, slots: u64, steepest: u32, zones: bool) -> Self {
        // A cycle in the network enters and leaves each job at most once, and the sink once. So
        // these are bounds of what a change for the better in one aim can cost in the next.
        let (jobs, slots) = (jobs as Cost, Cost::from(slots));
        let (jobs, slots) = (jobs.min(MOST_JOBS), slots.min(MOST_SLOTS));
        let deviation = |places: Cost| 2 * Cost::from(steepest) * (slots + 1) + 2 * places + 1;
        let moved = 1;
        let zone = moved * (4 * jobs + 5);
        let total = if zones {
            zone * (4 * slots + 4 * jobs + 1)
        } else {
            zone
        };
        let job = total * deviation(2);
        let astray = job * deviation(jobs);
        let last_resort = astray * (4 * jobs + 5);
        Self {
            unplaced: last_resort * 5,
            last_resort,
            astray,
            job,
            total,
            zone: if zones { zone } else { 0 },
            moved,
        }
    }
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

/// The steepness for a node of `weight`, where `greatest` is the greatest of all nodes.
pub(super) fn steepness(weight: u32, greatest: u32) -> u32 {
    (greatest / weight.max(1)).clamp(1, STEEPEST)
}
