//! The workers of one job on one node, and what one more or less costs.

use super::cost::{Cost, Fairness, Levels, NEVER};

/// One cell of the grid, as a part of the network.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    fair: Fairness,
    limits: Limits,
    pub(super) count: u32,
    /// Costs are asked for far more often than they change.
    more: Cost,
    less: Cost,
}

/// What bounds and binds a cell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) cap: u32,
    /// So many cannot leave.
    pub(super) base: u32,
    /// So many are at home here.
    pub(super) home: u32,
    /// What each costs that is not at home.
    pub(super) away: Cost,
}

impl Cell {
    pub(super) fn new(fair: Fairness, limits: Limits) -> Self {
        Self {
            fair,
            limits,
            count: 0,
            more: NEVER,
            less: NEVER,
        }
    }

    pub(super) fn set(&mut self, levels: &Levels, count: u32) {
        self.count = count;
        self.more = if count < self.limits.cap {
            self.step(levels, count)
        } else {
            NEVER
        };
        self.less = if count > self.limits.base {
            -self.step(levels, count - 1)
        } else {
            NEVER
        };
    }

    pub(super) fn more(&self) -> Cost {
        self.more
    }

    pub(super) fn less(&self) -> Cost {
        self.less
    }

    /// The count at which neither one more nor one less would be better; the greatest of them.
    pub(super) fn best(&self, levels: &Levels) -> u32 {
        let Limits {
            cap, base, home, ..
        } = self.limits;
        let free = home.min(self.fair.band.ceil);
        let fair = self.fair.band.floor;
        let best = if free < fair && self.step(levels, free) <= 0 {
            fair
        } else {
            free
        };
        best.clamp(base, cap.max(base))
    }

    fn step(&self, levels: &Levels, count: u32) -> Cost {
        let Limits { home, away, .. } = self.limits;
        self.fair.step(count) * levels.job + if count < home { 0 } else { away }
    }
}
