//! What can happen to a slot, and what its machine wants done: the machine's input and output.

use std::time::Duration;

use crate::model::{Before, StopPhase};

/// A random mark of one attempt to own a slot; it tells our own write from another's.
pub type Nonce = u128;

/// What can happen to a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The slot was put on our lease at this revision, by the leader or by its last owner.
    Arrived {
        /// The slot key's mod_revision.
        revision: i64,
    },
    /// The slot that we put anew is ours since this revision.
    Granted {
        /// The slot key's mod_revision.
        revision: i64,
    },
    /// The transaction was refused, and never will take place. A slot that was to be handed over is
    /// still ours: its target or our plan changed. One that was put anew or deleted is not ours.
    Refused,
    /// Nobody knows whether the transaction took place.
    Unknown,
    /// The node no longer wants the slot.
    Stop(StopReason),
    /// The operator presses: at least this phase, at once.
    Press(StopPhase),
    /// The worker's task ended; `clean` if everything is unlocked.
    WorkerEnded {
        /// Whether `unlock_records` ran to its end.
        clean: bool,
    },
    /// The worker ended and the slot is to run here again, under a new fence.
    Keep {
        /// A fresh random number.
        nonce: Nonce,
    },
    /// The worker ended and the slot goes to the node that the plan names.
    HandOver {
        /// A fresh random number; the note to the other node bears it, too.
        nonce: Nonce,
    },
    /// The worker ended and the slot goes to nobody.
    GiveBack,
    /// The slot is given back or handed over.
    Released,
    /// The slot's key is gone or is not ours any more.
    Lost,
    /// The soft deadline of the lease passed.
    SoftDeadline,
    /// The hard deadline of the lease passed.
    HardDeadline,
    /// The lease is firm. `nonce` marks the attempt to run again, if there is one.
    Firm {
        /// A fresh random number.
        nonce: Nonce,
    },
    /// The lease is gone, and the slot with it.
    SessionEnded,
    /// Time went on.
    Tick,
}

/// Why a worker is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// The node gives the slot up.
    GiveUp,
    /// The lease runs out; the slot may be ours again.
    Suspend,
}

/// What the shell is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Put the slot anew, if it is still as we wrote it at `revision`.
    Reclaim {
        /// The mark to write.
        nonce: Nonce,
        /// The mod_revision to compare.
        revision: i64,
    },
    /// Start a worker under the fence of `revision`.
    Start {
        /// The slot key's mod_revision.
        revision: i64,
        /// How our worker of the holding before ended. `None` if the slot came from elsewhere: only
        /// etcd knows then.
        before: Option<Before>,
    },
    /// Ask the worker to stop at least as urgently as this.
    Ask(StopPhase),
    /// Tell the worker that the slot is lost.
    Lose,
    /// Delete the slot, if it is still as we wrote it at `revision`.
    Release {
        /// The mod_revision to compare.
        revision: i64,
        /// Whether the ledger may say "clean".
        clean: bool,
    },
    /// Put the slot on the lease of the node that the plan names, if it is still as we wrote it at
    /// `revision`.
    Transfer {
        /// The mark to write.
        nonce: Nonce,
        /// The mod_revision to compare.
        revision: i64,
    },
}

/// How long each phase of a stop may take.
#[derive(Debug, Clone, Copy)]
pub struct StopTimes {
    /// For the record in hand.
    pub drain: Duration,
    /// For `unlock_records` and `after_perform`, once the record in hand is cancelled.
    pub cancel: Duration,
    /// For the worker to be dropped; later it is overdue.
    pub abort: Duration,
}
