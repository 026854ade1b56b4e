//! Two loops that take turns, batch by batch, so that what disturbs the machine disturbs both.
//!
//! ```text
//! bare, worker, worker, bare, bare, worker, worker, bare, ...
//! ```
//!
//! Four turns in this order make one sample: both have the same files once as the first and once as
//! the second, and a machine that slows down evenly slows down both by as much. A turn lasts from
//! the start of a batch to the request for the next one, so the worker's contains everything that
//! the runner does between two batches.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Who takes turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Bare,
    Worker,
}

/// Hands out the turns and keeps the time.
#[derive(Default)]
pub(crate) struct Turns {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    spent: Vec<Duration>,
    running: Option<(Side, Instant)>,
    /// One side has no more batches: the other goes on alone, without being timed.
    over: bool,
}

impl Turns {
    /// Ends the turn that `side` has, if it has one, and waits for its next one.
    pub(crate) async fn next(&self, side: Side) {
        self.end(side, false);
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.begin(side) {
                return;
            }
            changed.await;
        }
    }

    /// Ends the last turn of `side`: nothing is timed any more.
    pub(crate) fn finish(&self, side: Side) {
        self.end(side, true);
    }

    /// The bare loop's time over the worker's, for each sample.
    pub(crate) fn ratios(&self) -> Vec<f64> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let ratio = |turns: &[Duration]| {
            (turns[0] + turns[3]).as_secs_f64() / (turns[1] + turns[2]).as_secs_f64()
        };
        state.spent.chunks_exact(4).map(ratio).collect()
    }

    fn begin(&self, side: Side) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.over {
            return true;
        }
        let turn = match state.spent.len() % 4 {
            0 | 3 => Side::Bare,
            _ => Side::Worker,
        };
        let mine = state.running.is_none() && turn == side;
        if mine {
            state.running = Some((side, Instant::now()));
        }
        mine
    }

    fn end(&self, side: Side, over: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, began)) = state.running.take_if(|(running, _)| *running == side)
            && !over
        {
            state.spent.push(began.elapsed());
        }
        state.over |= over;
        drop(state);
        self.changed.notify_waiters();
    }
}
