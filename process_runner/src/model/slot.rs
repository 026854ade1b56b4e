//! The life of one slot on one node, as a machine.
//!
//! ```text
//!            Claim            granted             Stop
//!   Vacant ---------> Claiming ------> Running ---------> Stopping
//!     ^ ^               | taken           | worker ended     | worker ended
//!     | `---------------'                 v                  v
//!     |            released            Releasing <-----------'
//!     `-----------------------------------'
//!                       the lease runs out              firm again
//!   Running, Stopping -----------------------> Suspended ----------> Reclaiming -> Running
//! ```
//!
//! The shell feeds [`Event`]s and carries out the one [`Effect`] that comes back. The machine never
//! waits: what takes time (a transaction, a stop) is a state of its own.
//!
//! # Guarantees
//!
//! - A slot is released only after its worker ended (G3), and never when it was lost.
//! - A transaction whose outcome is unknown is repeated *identically* until it is known: the same
//!   nonce, the same revision.
//! - A worker that was cut off by the lease's deadline never runs again under its old fence.
//!
//! # How it fails
//!
//! A worker that does not end (blocking code) keeps its slot in `Stopping`, past every phase; the
//! node sees that by [`SlotMachine::overdue`].

mod alphabet;

pub use alphabet::{Effect, Event, Nonce, StopReason, StopTimes};

use super::{Moment, StopPhase};

/// Where a slot stands on this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotState {
    /// Not ours.
    Vacant,
    /// A claim is under way. With `unwanted`, it is given up as soon as it is ours.
    Claiming {
        /// The mark of the attempt.
        nonce: Nonce,
        /// The node changed its mind.
        unwanted: bool,
    },
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
    },
    /// Ours as far as we know, without a worker, until the lease is firm again.
    Suspended {
        /// The slot key's mod_revision.
        revision: i64,
    },
    /// Ours, being put anew.
    Reclaiming {
        /// The mod_revision to compare.
        revision: i64,
        /// The mark of the attempt.
        nonce: Nonce,
        /// The node changed its mind.
        unwanted: bool,
    },
    /// The worker ended; the slot is being deleted.
    Releasing {
        /// The slot key's mod_revision.
        revision: i64,
        /// Whether everything is unlocked.
        clean: bool,
    },
}

/// One slot on one node.
#[derive(Debug, Clone)]
pub struct SlotMachine {
    state: SlotState,
    times: StopTimes,
}

impl SlotMachine {
    /// A slot that is not ours yet.
    pub fn new(times: StopTimes) -> Self {
        Self {
            state: SlotState::Vacant,
            times,
        }
    }

    /// Where the slot stands.
    pub fn state(&self) -> SlotState {
        self.state
    }

    /// True if the slot needs nothing of us.
    pub fn is_vacant(&self) -> bool {
        self.state == SlotState::Vacant
    }

    /// True if the slot waits for the answer to this transaction. The answer to an older one says
    /// nothing about the present state and must not be fed in.
    pub fn expects(&self, transaction: Effect) -> bool {
        match (self.state, transaction) {
            (SlotState::Claiming { nonce, .. }, Effect::Claim { nonce: asked }) => nonce == asked,
            (
                SlotState::Reclaiming {
                    revision, nonce, ..
                },
                Effect::Reclaim {
                    nonce: asked,
                    revision: at,
                },
            ) => nonce == asked && revision == at,
            (SlotState::Releasing { revision, .. }, Effect::Release { revision: at, .. }) => {
                revision == at
            }
            _ => false,
        }
    }

    /// When time alone changes something.
    pub fn deadline(&self) -> Option<Moment> {
        match self.state {
            SlotState::Stopping { until, .. } | SlotState::Losing { until } => Some(until),
            _ => None,
        }
    }

    /// True if the worker has outlived the last phase of its stop.
    pub fn overdue(&self, now: Moment) -> bool {
        match self.state {
            SlotState::Stopping {
                phase: StopPhase::Abort,
                until,
                ..
            }
            | SlotState::Losing { until } => now >= until,
            _ => false,
        }
    }

    /// Takes in `event` and answers what to do.
    pub fn step(&mut self, event: Event, now: Moment) -> Option<Effect> {
        let (state, effect) = self.transition(event, now);
        self.state = state;
        effect
    }

    fn transition(&self, event: Event, now: Moment) -> (SlotState, Option<Effect>) {
        use SlotState as S;
        match (self.state, event) {
            (S::Vacant, Event::Claim { nonce }) => (
                S::Claiming {
                    nonce,
                    unwanted: false,
                },
                Some(Effect::Claim { nonce }),
            ),
            (S::Claiming { nonce, .. }, _) => self.claiming(nonce, event),
            (S::Reclaiming { .. }, _) => self.reclaiming(event),
            (S::Running { .. } | S::Stopping { .. } | S::Losing { .. }, _) => {
                self.with_worker(event, now)
            }
            (S::Suspended { revision }, _) => self.suspended(revision, event),
            (S::Releasing { .. }, _) => self.releasing(event),
            (S::Vacant, _) => (S::Vacant, None),
        }
    }

    fn claiming(&self, nonce: Nonce, event: Event) -> (SlotState, Option<Effect>) {
        let unwanted = matches!(self.state, SlotState::Claiming { unwanted: true, .. });
        match event {
            Event::Granted { revision } => granted(revision, unwanted),
            Event::Refused | Event::SessionEnded => (SlotState::Vacant, None),
            Event::Unknown => (self.state, Some(Effect::Claim { nonce })),
            Event::Stop(StopReason::GiveUp) => (
                SlotState::Claiming {
                    nonce,
                    unwanted: true,
                },
                None,
            ),
            _ => (self.state, None),
        }
    }

    fn reclaiming(&self, event: Event) -> (SlotState, Option<Effect>) {
        let SlotState::Reclaiming {
            revision,
            nonce,
            unwanted,
        } = self.state
        else {
            return (self.state, None);
        };
        match event {
            Event::Granted { revision } => granted(revision, unwanted),
            Event::Refused | Event::SessionEnded => (SlotState::Vacant, None),
            Event::Unknown => (self.state, Some(Effect::Reclaim { nonce, revision })),
            Event::Stop(StopReason::GiveUp) => (
                SlotState::Reclaiming {
                    revision,
                    nonce,
                    unwanted: true,
                },
                None,
            ),
            _ => (self.state, None),
        }
    }

    fn with_worker(&self, event: Event, now: Moment) -> (SlotState, Option<Effect>) {
        use SlotState as S;
        let (revision, reason, phase) = match self.state {
            S::Running { revision } => (revision, None, StopPhase::Run),
            S::Stopping {
                revision,
                reason,
                phase,
                ..
            } => (revision, Some(reason), phase),
            _ => return self.losing(event),
        };
        match event {
            Event::Stop(wanted) => {
                // Giving up outweighs suspending: the slot is not wanted back.
                let reason = match reason {
                    Some(StopReason::GiveUp) => StopReason::GiveUp,
                    _ => wanted,
                };
                self.stopping(revision, reason, phase.max(StopPhase::Drain), phase, now)
            }
            Event::Press(pressed) if reason.is_some() && pressed > phase => self.stopping(
                revision,
                reason.unwrap_or(StopReason::GiveUp),
                pressed,
                phase,
                now,
            ),
            Event::SoftDeadline => {
                let reason = reason.unwrap_or(StopReason::Suspend);
                self.stopping(revision, reason, phase.max(StopPhase::Cancel), phase, now)
            }
            Event::HardDeadline => {
                let until = now + self.times.abort;
                let reason = reason.unwrap_or(StopReason::Suspend);
                let phase = StopPhase::Abort;
                (
                    S::Stopping {
                        revision,
                        reason,
                        phase,
                        until,
                    },
                    Some(Effect::Lose),
                )
            }
            Event::Lost | Event::SessionEnded => (
                S::Losing {
                    until: now + self.times.abort,
                },
                Some(Effect::Lose),
            ),
            Event::WorkerEnded { .. } if reason == Some(StopReason::Suspend) => {
                (S::Suspended { revision }, None)
            }
            Event::WorkerEnded { clean } => (
                S::Releasing { revision, clean },
                Some(Effect::Release { revision, clean }),
            ),
            Event::Tick => self.next_phase(revision, reason, phase, now),
            _ => (self.state, None),
        }
    }

    fn stopping(
        &self,
        revision: i64,
        reason: StopReason,
        phase: StopPhase,
        before: StopPhase,
        now: Moment,
    ) -> (SlotState, Option<Effect>) {
        if phase == before
            && let SlotState::Stopping { until, .. } = self.state
        {
            return (
                SlotState::Stopping {
                    revision,
                    reason,
                    phase,
                    until,
                },
                None,
            );
        }
        let time = match phase {
            StopPhase::Run | StopPhase::Drain => self.times.drain,
            StopPhase::Cancel => self.times.cancel,
            StopPhase::Abort => self.times.abort,
        };
        let until = now + time;
        (
            SlotState::Stopping {
                revision,
                reason,
                phase,
                until,
            },
            Some(Effect::Ask(phase)),
        )
    }

    fn next_phase(
        &self,
        revision: i64,
        reason: Option<StopReason>,
        phase: StopPhase,
        now: Moment,
    ) -> (SlotState, Option<Effect>) {
        match (self.deadline(), reason) {
            (Some(until), Some(reason)) if now >= until && phase < StopPhase::Abort => {
                self.stopping(revision, reason, phase.next(), phase, now)
            }
            _ => (self.state, None),
        }
    }

    fn losing(&self, event: Event) -> (SlotState, Option<Effect>) {
        match event {
            Event::WorkerEnded { .. } => (SlotState::Vacant, None),
            _ => (self.state, None),
        }
    }

    fn suspended(&self, revision: i64, event: Event) -> (SlotState, Option<Effect>) {
        match event {
            Event::Firm { nonce } => (
                SlotState::Reclaiming {
                    revision,
                    nonce,
                    unwanted: false,
                },
                Some(Effect::Reclaim { nonce, revision }),
            ),
            Event::Lost | Event::SessionEnded => (SlotState::Vacant, None),
            // The worker may have been cut off: the ledger must not say "clean".
            Event::Stop(StopReason::GiveUp) => (
                SlotState::Releasing {
                    revision,
                    clean: false,
                },
                Some(Effect::Release {
                    revision,
                    clean: false,
                }),
            ),
            _ => (self.state, None),
        }
    }

    fn releasing(&self, event: Event) -> (SlotState, Option<Effect>) {
        let SlotState::Releasing { revision, clean } = self.state else {
            return (self.state, None);
        };
        match event {
            Event::Released | Event::Refused | Event::Lost | Event::SessionEnded => {
                (SlotState::Vacant, None)
            }
            Event::Unknown => (self.state, Some(Effect::Release { revision, clean })),
            _ => (self.state, None),
        }
    }
}

/// A slot that became ours starts its worker, or goes back at once if it is not wanted any more.
fn granted(revision: i64, unwanted: bool) -> (SlotState, Option<Effect>) {
    if unwanted {
        let clean = true;
        (
            SlotState::Releasing { revision, clean },
            Some(Effect::Release { revision, clean }),
        )
    } else {
        (
            SlotState::Running { revision },
            Some(Effect::Start { revision }),
        )
    }
}

#[cfg(test)]
mod tests;
