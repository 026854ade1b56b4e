//! What may stay where it is, when nothing moves that need not.

use super::grid::{Grid, GridJob, GridNode};

/// Whether every seat has a node and may stay there.
pub(super) fn all_may_stay(grid: &Grid) -> bool {
    let fits = |(job, at): (usize, &GridJob)| {
        let row = grid.row(job);
        let mut cells = grid.held[row.clone()].iter().zip(&grid.caps[row.clone()]);
        let held: u64 = grid.held[row].iter().map(|held| u64::from(*held)).sum();
        held == u64::from(at.demand) && cells.all(|(held, cap)| held <= cap)
    };
    let has_room = |(node, at): (usize, &GridNode)| {
        let held = (0..grid.jobs.len()).map(|job| u64::from(grid.held[grid.cell(job, node)]));
        held.sum::<u64>() <= u64::from(at.capacity)
    };
    grid.jobs.iter().enumerate().all(fits) && grid.nodes.iter().enumerate().all(has_room)
}

/// Per cell: how many seats the node may keep. Where a cap is exceeded, those go first that the
/// balanced plan moves away.
pub(super) fn staying(grid: &Grid, balanced: &[u32]) -> Vec<u32> {
    let mut staying: Vec<u32> = grid
        .held
        .iter()
        .zip(&grid.caps)
        .map(|(held, cap)| *held.min(cap))
        .collect();
    for (node, at) in grid.nodes.iter().enumerate() {
        let cells = || (0..grid.jobs.len()).map(|job| grid.cell(job, node));
        let held: u64 = cells().map(|cell| u64::from(staying[cell])).sum();
        let mut excess = held.saturating_sub(u64::from(at.capacity));
        if excess == 0 {
            continue;
        }
        // The balanced plan is within the caps, so giving up all that it moves away is enough.
        for cell in cells() {
            let surplus = staying[cell].saturating_sub(balanced[cell]);
            let gone = excess.min(u64::from(surplus));
            excess -= gone;
            staying[cell] -= gone as u32;
        }
    }
    staying
}
