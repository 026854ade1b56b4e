//! What the operator asks for, carried out: stopping by phases, quiet, the worker table.

use std::time::Duration;

use super::Control;
use crate::model::{Event, StopPhase};
use crate::runtime::operator::Operator;
use crate::runtime::report::worker_record;

/// How long a draining node waits for the plan that says where its slots go. Its workers run on
/// meanwhile.
const HAND_OVER_PATIENCE: Duration = Duration::from_secs(2);

impl Control<'_> {
    /// Brings the session in line with what the operator wants now.
    pub(super) fn obey(&mut self, operator: &Operator) {
        let wanted = operator.wanted();
        self.press(operator.phase());
        if wanted.quiet != self.membership.wanted.quiet {
            self.set_quiet(wanted.quiet);
        }
        if wanted.dumps > self.dumps {
            self.dumps = wanted.dumps;
            self.dump();
        }
    }

    fn press(&mut self, phase: StopPhase) {
        if phase == StopPhase::Run {
            return;
        }
        if !self.stopping {
            let workers = self.slots.values().filter(|held| held.has_worker()).count();
            tracing::info!(workers, "draining");
            self.leave();
        }
        if phase > StopPhase::Drain {
            self.give_up_all();
            self.feed_all(Event::Press(phase));
        }
    }

    /// The node begins to leave: it says so, plans no more, and takes nothing more.
    pub(super) fn leave(&mut self) {
        self.stopping = true;
        self.membership.wanted.draining = true;
        self.leading.resign();
        self.hand_over_until = self.clock.now() + HAND_OVER_PATIENCE;
    }

    fn set_quiet(&mut self, quiet: bool) {
        self.membership.wanted.quiet = quiet;
        if quiet {
            let workers = self.slots.values().filter(|held| held.has_worker()).count();
            tracing::info!(workers, "quiet: handing over every slot and taking none");
        } else {
            tracing::info!("no longer quiet");
        }
    }

    /// The worker table, a line each.
    fn dump(&self) {
        let now = self.clock.now();
        tracing::info!(node = %self.session.node, slots = self.slots.len(), "worker table");
        for (slot, held) in &self.slots {
            let worker = worker_record(slot, held, now, true);
            tracing::info!(
                job = worker.job,
                index = worker.index,
                fence = worker.fence,
                state = worker.state,
                phase = worker.phase,
                since_progress_ms = worker.since_progress_ms,
                records = worker.records,
                errors = worker.errors,
                reason = worker.reason,
                "worker"
            );
        }
    }
}
