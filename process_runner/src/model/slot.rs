//! The life of one slot on one node, as a machine.
//!
//! ```text
//!            Arrived             Stop                worker ended
//!   Vacant ---------> Running ---------> Stopping ----------------> Parting
//!     ^                 ^  | worker ended                          ^ | | | GiveBack
//!     |                 |  `---------------------------------------' | | `-------> Releasing --.
//!     |                 |                              Keep          | |  HandOver             |
//!     |                 `--------------- Reclaiming <----------------' `---------> Handing --. |
//!     |                                      ^  firm again                released          | |
//!     |   Running, Stopping --(deadline)--> Suspended                                       | |
//!     `-------------------------------------------------------------------------------------'-'
//! ```
//!
//! The shell feeds [`Event`]s and carries out the one [`Effect`] that comes back. The machine never
//! waits: what takes time (a transaction, a stop) is a state of its own. A slot in
//! [`SlotState::Parting`] waits for the shell to say where it goes, which the plan decides.
//!
//! # Guarantees
//!
//! - A slot is given back or handed over only after its worker ended (G3), and never when it was
//!   lost.
//! - A transaction whose outcome is unknown is repeated *identically* until it is known: the same
//!   nonce, the same revision.
//! - A worker that ended never runs again under its old fence: the slot is put anew first, which
//!   kills whatever request is still under way.
//! - The ledger says "clean" only if the last worker of the holding unlocked everything.
//! - A worker that starts again where one ended is told how that one ended.
//!
//! # How it fails
//!
//! A worker that does not end (blocking code) keeps its slot in `Stopping`, past every phase; the
//! node sees that by [`SlotMachine::overdue`].

mod alphabet;
mod state;

pub use alphabet::{Effect, Event, Nonce, StopReason, StopTimes};
pub use state::SlotState;

use super::{Before, Moment, StopPhase};

/// One slot on one node.
#[derive(Debug, Clone)]
pub struct SlotMachine {
    state: SlotState,
    times: StopTimes,
}

type Transition = (SlotState, Option<Effect>);

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

    /// The slot key's mod_revision as we know it, while the slot is ours and no transaction of ours
    /// may be changing it.
    pub fn settled_revision(&self) -> Option<i64> {
        match self.state {
            SlotState::Running { revision }
            | SlotState::Stopping { revision, .. }
            | SlotState::Suspended { revision, .. }
            | SlotState::Parting { revision, .. } => Some(revision),
            _ => None,
        }
    }

    /// True if the slot waits for the answer to this transaction. The answer to an older one says
    /// nothing about the present state and must not be fed in.
    pub fn expects(&self, transaction: Effect) -> bool {
        Some(transaction) == self.transaction()
    }

    /// The transaction that is under way.
    fn transaction(&self) -> Option<Effect> {
        match self.state {
            SlotState::Reclaiming {
                revision, nonce, ..
            } => Some(Effect::Reclaim { nonce, revision }),
            SlotState::Handing {
                revision, nonce, ..
            } => Some(Effect::Transfer { nonce, revision }),
            SlotState::Releasing { revision, clean } => Some(Effect::Release { revision, clean }),
            _ => None,
        }
    }

    /// When time alone changes something.
    pub fn deadline(&self) -> Option<Moment> {
        match self.state {
            SlotState::Stopping { until, .. } | SlotState::Losing { until, .. } => Some(until),
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
            | SlotState::Losing { until, .. } => now >= until,
            _ => false,
        }
    }

    /// Takes in `event` and answers what to do.
    pub fn step(&mut self, event: Event, now: Moment) -> Option<Effect> {
        let (state, effect) = self.transition(event, now);
        self.state = state;
        effect
    }

    fn transition(&self, event: Event, now: Moment) -> Transition {
        use SlotState as S;
        if let Event::Arrived { revision } = event {
            return self.arrived(revision, now);
        }
        match self.state {
            S::Vacant => (S::Vacant, None),
            S::Running { .. } | S::Stopping { .. } => self.with_worker(event, now),
            S::Losing { again, .. } => self.losing(again, event),
            S::Suspended { revision, clean } => self.suspended(revision, clean, event),
            S::Parting { revision, clean } => self.parting(revision, clean, event),
            S::Reclaiming { .. } => self.reclaiming(event),
            S::Handing { .. } | S::Releasing { .. } => self.leaving(event),
        }
    }

    /// The slot is ours at `revision`: news, unless it is what we know already.
    fn arrived(&self, revision: i64, now: Moment) -> Transition {
        use SlotState as S;
        match self.state {
            S::Vacant => started(revision, None),
            // It was ours, was not, and is again, unseen by us: the worker has the old fence.
            S::Running { revision: ours } | S::Stopping { revision: ours, .. }
                if revision > ours =>
            {
                let until = now + self.times.abort;
                let again = Some(revision);
                (S::Losing { until, again }, Some(Effect::Lose))
            }
            S::Losing { until, .. } => {
                let again = Some(revision);
                (S::Losing { until, again }, None)
            }
            // Its own transaction compares the older revision, so it will be refused.
            S::Suspended { revision: ours, .. }
            | S::Parting { revision: ours, .. }
            | S::Reclaiming { revision: ours, .. }
            | S::Handing { revision: ours, .. }
            | S::Releasing { revision: ours, .. }
                if revision > ours =>
            {
                let clean = false;
                (S::Suspended { revision, clean }, None)
            }
            _ => (self.state, None),
        }
    }

    fn with_worker(&self, event: Event, now: Moment) -> Transition {
        use SlotState as S;
        let (revision, reason, phase) = match self.state {
            S::Running { revision } => (revision, None, StopPhase::Run),
            S::Stopping {
                revision,
                reason,
                phase,
                ..
            } => (revision, Some(reason), phase),
            _ => return (self.state, None),
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
            Event::Press(pressed) if pressed > phase => match reason {
                Some(reason) => self.stopping(revision, reason, pressed, phase, now),
                None => (self.state, None),
            },
            Event::SoftDeadline => {
                let reason = reason.unwrap_or(StopReason::Suspend);
                self.stopping(revision, reason, phase.max(StopPhase::Cancel), phase, now)
            }
            Event::HardDeadline => self.cut_off(revision, reason, now),
            Event::Lost | Event::SessionEnded => {
                let until = now + self.times.abort;
                (S::Losing { until, again: None }, Some(Effect::Lose))
            }
            Event::WorkerEnded { clean } if reason == Some(StopReason::Suspend) => {
                (S::Suspended { revision, clean }, None)
            }
            Event::WorkerEnded { clean } => (S::Parting { revision, clean }, None),
            Event::Tick => self.next_phase(revision, reason, phase, now),
            _ => (self.state, None),
        }
    }

    /// The lease may be gone: the worker is told so, and dropped.
    fn cut_off(&self, revision: i64, reason: Option<StopReason>, now: Moment) -> Transition {
        let state = SlotState::Stopping {
            revision,
            reason: reason.unwrap_or(StopReason::Suspend),
            phase: StopPhase::Abort,
            until: now + self.times.abort,
        };
        (state, Some(Effect::Lose))
    }

    fn stopping(
        &self,
        revision: i64,
        reason: StopReason,
        phase: StopPhase,
        before: StopPhase,
        now: Moment,
    ) -> Transition {
        let (until, effect) = match self.state {
            SlotState::Stopping { until, .. } if phase == before => (until, None),
            _ => (now + self.time_of(phase), Some(Effect::Ask(phase))),
        };
        let state = SlotState::Stopping {
            revision,
            reason,
            phase,
            until,
        };
        (state, effect)
    }

    fn time_of(&self, phase: StopPhase) -> std::time::Duration {
        match phase {
            StopPhase::Run | StopPhase::Drain => self.times.drain,
            StopPhase::Cancel => self.times.cancel,
            StopPhase::Abort => self.times.abort,
        }
    }

    fn next_phase(
        &self,
        revision: i64,
        reason: Option<StopReason>,
        phase: StopPhase,
        now: Moment,
    ) -> Transition {
        match (self.deadline(), reason) {
            (Some(until), Some(reason)) if now >= until && phase < StopPhase::Abort => {
                self.stopping(revision, reason, phase.next(), phase, now)
            }
            _ => (self.state, None),
        }
    }

    fn losing(&self, again: Option<i64>, event: Event) -> Transition {
        match (event, again) {
            (Event::WorkerEnded { .. }, Some(revision)) => {
                let clean = false;
                (SlotState::Suspended { revision, clean }, None)
            }
            (Event::WorkerEnded { .. }, None) => (SlotState::Vacant, None),
            (Event::Lost | Event::SessionEnded, Some(_)) => {
                let SlotState::Losing { until, .. } = self.state else {
                    return (self.state, None);
                };
                (SlotState::Losing { until, again: None }, None)
            }
            _ => (self.state, None),
        }
    }

    fn suspended(&self, revision: i64, clean: bool, event: Event) -> Transition {
        match event {
            Event::Firm { nonce } => reclaiming(revision, clean, nonce),
            Event::Lost | Event::SessionEnded => (SlotState::Vacant, None),
            Event::Stop(StopReason::GiveUp) => (SlotState::Parting { revision, clean }, None),
            _ => (self.state, None),
        }
    }

    fn parting(&self, revision: i64, clean: bool, event: Event) -> Transition {
        use SlotState as S;
        match event {
            Event::Keep { nonce } => reclaiming(revision, clean, nonce),
            Event::HandOver { nonce } => (
                S::Handing {
                    revision,
                    nonce,
                    clean,
                },
                Some(Effect::Transfer { nonce, revision }),
            ),
            Event::GiveBack => (
                S::Releasing { revision, clean },
                Some(Effect::Release { revision, clean }),
            ),
            Event::Lost | Event::SessionEnded => (S::Vacant, None),
            _ => (self.state, None),
        }
    }

    fn reclaiming(&self, event: Event) -> Transition {
        let SlotState::Reclaiming {
            revision,
            nonce,
            clean,
            unwanted,
        } = self.state
        else {
            return (self.state, None);
        };
        match event {
            Event::Granted { revision } if unwanted => {
                (SlotState::Parting { revision, clean }, None)
            }
            Event::Granted { revision } => started(revision, Some(Before::ours(clean))),
            Event::Refused | Event::SessionEnded => (SlotState::Vacant, None),
            Event::Unknown => (self.state, self.transaction()),
            Event::Stop(StopReason::GiveUp) => {
                let state = SlotState::Reclaiming {
                    revision,
                    nonce,
                    clean,
                    unwanted: true,
                };
                (state, None)
            }
            _ => (self.state, None),
        }
    }

    /// Handing over or releasing: a transaction that takes the slot from us is under way.
    fn leaving(&self, event: Event) -> Transition {
        match (event, self.state) {
            (Event::Released | Event::SessionEnded, _) => (SlotState::Vacant, None),
            (Event::Lost, _) => (SlotState::Vacant, None),
            (
                Event::Refused,
                SlotState::Handing {
                    revision, clean, ..
                },
            ) => (SlotState::Parting { revision, clean }, None),
            (Event::Refused, _) => (SlotState::Vacant, None),
            (Event::Unknown, _) => (self.state, self.transaction()),
            _ => (self.state, None),
        }
    }
}

fn started(revision: i64, before: Option<Before>) -> Transition {
    (
        SlotState::Running { revision },
        Some(Effect::Start { revision, before }),
    )
}

fn reclaiming(revision: i64, clean: bool, nonce: Nonce) -> Transition {
    let state = SlotState::Reclaiming {
        revision,
        nonce,
        clean,
        unwanted: false,
    };
    (state, Some(Effect::Reclaim { nonce, revision }))
}

#[cfg(test)]
mod tests;
