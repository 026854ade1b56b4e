//! The workers of one job on one node, and what one more or less costs.

use super::cost::{Cost, Fairness, Levels, NEVER};

/// One cell of the grid, as a part of the network.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) fair: Fairness,
    pub(super) cap: u32,
    /// So many cannot leave.
    pub(super) base: u32,
    /// So many are at home here.
    pub(super) home: u32,
    pub(super) count: u32,
}

impl Cell {
    /// What one more worker costs.
    pub(super) fn more(&self, levels: &Levels) -> Cost {
        if self.count < self.cap {
            self.step(levels, self.count)
        } else {
            NEVER
        }
    }

    /// What one worker less costs.
    pub(super) fn less(&self, levels: &Levels) -> Cost {
        if self.count > self.base {
            -self.step(levels, self.count - 1)
        } else {
            NEVER
        }
    }

    /// The count at which neither one more nor one less would be better; the greatest of them.
    pub(super) fn best(&self, levels: &Levels) -> u32 {
        let free = self.home.min(self.fair.band.ceil);
        let fair = self.fair.band.floor;
        let best = if free < fair && self.step(levels, free) <= 0 {
            fair
        } else {
            free
        };
        best.min(self.cap).max(self.base)
    }

    fn step(&self, levels: &Levels, count: u32) -> Cost {
        let away = if count < self.home { 0 } else { levels.away };
        // Nearly always 0, and multiplying is slow.
        match self.fair.step(count) {
            0 => away,
            step => step * levels.job + away,
        }
    }
}
