//! One slot on this node: its machine, and the holding its worker shares with us.

use std::sync::Arc;

use crate::coordination::{Order, Target, Transaction};
use crate::job::Holding;
use crate::model::{Effect, Event, Moment, SlotMachine, SlotState, StopTimes};

/// A slot that this node takes, holds or gives up.
pub(super) struct Held {
    machine: SlotMachine,
    pub(super) holding: Option<Arc<Holding>>,
    /// The worker has been told of as stuck.
    pub(super) stuck: bool,
    /// Attempts in a row whose outcome is unknown; paces their repetition.
    pub(super) unknown: u32,
    /// The plan that the slot came under.
    pub(super) ordered: Order,
    /// The slot is here only so that what a dead worker had locked is unlocked.
    pub(super) retiring: bool,
    /// The newest revision at which the slot is known to have become ours.
    pub(super) latest: i64,
    /// Where it is handed over to, or was refused last.
    pub(super) target: Option<Arc<Target>>,
    /// The worker ended in a way that should not be repeated at once.
    pub(super) rest_until: Moment,
}

impl Held {
    pub(super) fn new(times: StopTimes) -> Self {
        Self {
            machine: SlotMachine::new(times),
            holding: None,
            stuck: false,
            unknown: 0,
            ordered: Order::default(),
            retiring: false,
            latest: 0,
            target: None,
            rest_until: Moment::ZERO,
        }
    }

    pub(super) fn machine(&self) -> &SlotMachine {
        &self.machine
    }

    /// Feeds the machine. Effects on the worker are carried out here; the others come back.
    pub(super) fn step(&mut self, event: Event, now: Moment) -> Option<Effect> {
        let effect = self.machine.step(event, now)?;
        match effect {
            Effect::Ask(phase) => {
                if let Some(holding) = &self.holding {
                    holding.request_stop(phase);
                }
                None
            }
            Effect::Lose => {
                if let Some(holding) = &self.holding {
                    holding.lose();
                }
                None
            }
            _ => Some(effect),
        }
    }

    /// Looks whether the worker is stuck. `Some` if that changed since the last look.
    pub(super) fn look_for_stuck(&mut self, now: Moment) -> Option<bool> {
        let stuck = self
            .holding
            .as_ref()
            .is_some_and(|holding| holding.is_stuck(now));
        (stuck != std::mem::replace(&mut self.stuck, stuck)).then_some(stuck)
    }

    /// The transaction that `effect` asks for. The same as long as the effect is the same.
    pub(super) fn transaction(&self, effect: Effect) -> Option<Transaction> {
        match effect {
            Effect::Reclaim { nonce, revision } => Some(Transaction::Reclaim {
                nonce,
                revision,
                ordered: self.ordered,
                retiring: self.retiring,
            }),
            Effect::Transfer { nonce, revision } => Some(Transaction::Transfer {
                nonce,
                revision,
                target: Arc::clone(self.target.as_ref()?),
            }),
            Effect::Release { revision, clean } => Some(Transaction::Release { revision, clean }),
            Effect::Start { .. } | Effect::Ask(_) | Effect::Lose => None,
        }
    }

    /// True if the last worker ended without having unlocked everything.
    pub(super) fn is_unclean(&self) -> bool {
        matches!(
            self.machine.state(),
            SlotState::Parting { clean: false, .. }
        )
    }

    /// When the slot may run here again, if it waits for that.
    pub(super) fn rests_until(&self, now: Moment) -> Option<Moment> {
        let parting = matches!(self.machine.state(), SlotState::Parting { .. });
        (parting && self.rest_until > now).then_some(self.rest_until)
    }

    /// True while a worker of it runs.
    pub(super) fn has_worker(&self) -> bool {
        matches!(
            self.machine.state(),
            SlotState::Running { .. } | SlotState::Stopping { .. } | SlotState::Losing { .. }
        )
    }
}
