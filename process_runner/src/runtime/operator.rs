//! What the operator asks of a running node: to stop, to be quiet, to say what it does.
//!
//! One value on a watch channel holds all of it, so nothing is queued and nothing is lost: whoever
//! looks sees what is wanted now, however many times it was asked for.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::model::StopPhase;

/// Steers a running node. Cheap to clone, usable from any thread.
#[derive(Clone)]
pub struct NodeHandle {
    wanted: Arc<watch::Sender<Wanted>>,
}

/// What is wanted of the node now.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted {
    presses: u8,
    /// Take no slots, and hand over those the node has.
    pub(super) quiet: bool,
    /// How often the worker table was asked for.
    pub(super) dumps: u64,
}

impl NodeHandle {
    pub(super) fn new() -> Self {
        Self {
            wanted: Arc::new(watch::Sender::new(Wanted::default())),
        }
    }

    /// The first call drains: records in hand are finished. The second cancels them, the third cuts
    /// the workers off.
    pub fn stop(&self) {
        self.wanted
            .send_modify(|wanted| wanted.presses = wanted.presses.saturating_add(1));
    }

    /// Drains the node as the first [`stop`](Self::stop) does; asked again it changes nothing.
    pub fn drain(&self) {
        self.wanted
            .send_modify(|wanted| wanted.presses = wanted.presses.max(1));
    }

    /// Hands the node's slots over and takes no more, until [`resume`](Self::resume). It stays up.
    pub fn quiet(&self) {
        self.wanted.send_modify(|wanted| wanted.quiet = true);
    }

    /// Takes slots again.
    pub fn resume(&self) {
        self.wanted.send_modify(|wanted| wanted.quiet = false);
    }

    /// Writes the worker table to the log.
    pub fn dump(&self) {
        self.wanted.send_modify(|wanted| wanted.dumps += 1);
    }

    pub(super) fn operator(&self) -> Operator {
        Operator {
            wanted: self.wanted.subscribe(),
            _handle: self.clone(),
        }
    }
}

/// The node's side: what the operator wants.
pub(super) struct Operator {
    wanted: watch::Receiver<Wanted>,
    /// Keeps the channel open when nobody else holds a handle.
    _handle: NodeHandle,
}

impl Operator {
    /// What is wanted now.
    pub(super) fn wanted(&self) -> Wanted {
        *self.wanted.borrow()
    }

    /// How urgently the node is to stop.
    pub(super) fn phase(&self) -> StopPhase {
        StopPhase::from_number(self.wanted().presses)
    }

    /// Completes when the operator asks for something. Cancel safe.
    pub(super) async fn asks(&mut self) {
        // It cannot be closed while `_handle` lives.
        let _ = self.wanted.changed().await;
    }

    /// Sleeps, or returns early when the node is to stop. Cancel safe.
    pub(super) async fn sleep(&self, clock: Clock, duration: Duration) -> StopPhase {
        let mut wanted = self.wanted.clone();
        tokio::select! {
            biased;
            _ = wanted.wait_for(|wanted| wanted.presses > 0) => {}
            () = clock.sleep_until(clock.now() + duration) => {}
        }
        self.phase()
    }
}
