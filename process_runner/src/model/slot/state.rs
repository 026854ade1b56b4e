//! Where a slot can stand on one node: the states of its machine.

use super::{Nonce, StopReason};
use crate::model::{Moment, StopPhase};

/// Where a slot stands on this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotState {
    /// Not ours.
    Vacant,
    /// Ours, with a worker.
    Running {
        /// The slot key's mod_revision.
        revision: i64,
    },
    /// Ours, and the worker is to stop.
    Stopping {
        /// The slot key's mod_revision.
        revision: i64,
        /// Why.
        reason: StopReason,
        /// How urgently.
        phase: StopPhase,
        /// When the next phase begins.
        until: Moment,
    },
    /// Lost, and the worker has not ended yet.
    Losing {
        /// When the worker is overdue.
        until: Moment,
        /// The slot came back to us meanwhile, at this revision.
        again: Option<i64>,
    },
    /// Ours as far as we know, without a worker, until the lease is firm again.
    Suspended {
        /// The slot key's mod_revision.
        revision: i64,
        /// Whether everything is unlocked.
        clean: bool,
    },
    /// Ours, being put anew.
    Reclaiming {
        /// The mod_revision to compare.
        revision: i64,
        /// The mark of the attempt.
        nonce: Nonce,
        /// Whether everything is unlocked.
        clean: bool,
        /// The node changed its mind.
        unwanted: bool,
    },
    /// Ours, without a worker, until it is said where it goes.
    Parting {
        /// The slot key's mod_revision.
        revision: i64,
        /// Whether everything is unlocked.
        clean: bool,
    },
    /// Being put on another node's lease.
    Handing {
        /// The mod_revision to compare.
        revision: i64,
        /// The mark of the attempt.
        nonce: Nonce,
        /// Whether everything is unlocked.
        clean: bool,
    },
    /// Being deleted.
    Releasing {
        /// The slot key's mod_revision.
        revision: i64,
        /// Whether everything is unlocked.
        clean: bool,
    },
}
