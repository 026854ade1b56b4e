//! One slot on this node: its machine, and the holding its worker shares with us.

use std::sync::Arc;

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
}

impl Held {
    pub(super) fn new(times: StopTimes) -> Self {
        Self {
            machine: SlotMachine::new(times),
            holding: None,
            stuck: false,
            unknown: 0,
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

    /// The slot key's mod_revision, while the slot is ours.
    pub(super) fn revision(&self) -> Option<i64> {
        match self.machine.state() {
            SlotState::Running { revision }
            | SlotState::Stopping { revision, .. }
            | SlotState::Suspended { revision }
            | SlotState::Releasing { revision, .. } => Some(revision),
            SlotState::Vacant
            | SlotState::Claiming { .. }
            | SlotState::Losing { .. }
            | SlotState::Reclaiming { .. } => None,
        }
    }

    /// True while a worker of it runs.
    pub(super) fn has_worker(&self) -> bool {
        matches!(
            self.machine.state(),
            SlotState::Running { .. } | SlotState::Stopping { .. } | SlotState::Losing { .. }
        )
    }
}
