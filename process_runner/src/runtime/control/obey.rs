//! What the operator asks for, carried out: stopping by phases, quiet, the worker table.

use super::Control;
use crate::model::{Event, StopPhase, StopReason};
use crate::runtime::operator::Operator;
use crate::runtime::report::worker_record;

impl Control<'_> {
    /// Brings the session in line with what the operator wants now.
    pub(super) fn obey(&mut self, operator: &Operator) {
        let wanted = operator.wanted();
        self.press(operator.phase());
        if wanted.quiet != self.quiet {
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
            self.publisher.node_is("draining");
        }
        self.stopping = true;
        self.feed_all(Event::Stop(StopReason::GiveUp));
        if phase > StopPhase::Drain {
            self.feed_all(Event::Press(phase));
        }
    }

    fn set_quiet(&mut self, quiet: bool) {
        self.quiet = quiet;
        if quiet {
            let workers = self.slots.values().filter(|held| held.has_worker()).count();
            tracing::info!(workers, "quiet: handing over every slot and taking none");
            self.feed_all(Event::Stop(StopReason::GiveUp));
        } else {
            tracing::info!("no longer quiet");
            self.claims_due = true;
        }
        if !self.stopping {
            self.publisher.node_is(if quiet { "quiet" } else { "up" });
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
