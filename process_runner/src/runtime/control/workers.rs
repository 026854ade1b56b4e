//! The workers of a session: started under a fence, and their ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Control;
use super::ahead::Ready;
use crate::job::{Holding, Identity};
use crate::model::{Before, Event, Fence, Slot, ended_clean};
use crate::runtime::worker::{self, WorkerEnd};

/// After a worker was dropped, its slot rests so long before it runs here again.
const REST: Duration = Duration::from_secs(1);

/// What the worker tasks' set answers.
pub(super) type Ended = Result<(tokio::task::Id, (Slot, WorkerEnd)), tokio::task::JoinError>;

impl Control<'_> {
    /// Starts the worker of a slot that is ours since `revision`, or lets the one begin that was made
    /// ready ahead.
    pub(super) fn start(&mut self, slot: &Slot, revision: i64, before: Option<Before>) {
        // A worker that never was unlocks nothing: what the one before left locked stays locked.
        let never_was = Event::WorkerEnded { clean: false };
        let Some(fence) = Fence::new(self.session.epoch, revision) else {
            tracing::error!(job = %slot.job, index = slot.index, revision, "cannot be fenced");
            return self.feed(slot, never_was);
        };
        let retiring = self.slots.get(slot).is_some_and(|held| held.retiring);
        // One that only unlocks is no worker that was made ready; that one stays where it is.
        let ready = if retiring {
            None
        } else {
            self.ahead.take(slot)
        };
        let Some((task, holding)) = ready.or_else(|| self.launch(slot, retiring)) else {
            tracing::error!(job = %slot.job, index = slot.index, "no worker of it can run here");
            return self.feed(slot, never_was);
        };
        tracing::info!(job = %slot.job, index = slot.index, %fence, "worker starts");
        self.delay(slot, revision, before, &holding);
        holding.held(fence);
        if let Some(held) = self.slots.get_mut(slot) {
            held.unknown = 0;
            held.holding = Some(holding);
        }
        self.tasks.insert(task, slot.clone());
    }

    /// A worker's task, which waits for its slot once it is prepared.
    pub(super) fn launch(&mut self, slot: &Slot, retiring: bool) -> Option<Ready> {
        let plan = self.registrar.plans.get(&slot.job).map(Arc::clone)?;
        let identity = Identity {
            retiring,
            slot: slot.clone(),
            node: Arc::clone(&self.session.node),
            incarnation: Arc::clone(&self.session.incarnation),
        };
        let workers = self.orders.workers(&slot.job).or_else(|| {
            self.registrar
                .config
                .jobs
                .get(&slot.job)
                .map(|job| job.workers)
        });
        let holding = Arc::new(Holding::new(
            identity,
            workers.unwrap_or(0),
            plan.stuck_after,
            self.clock,
            Arc::clone(&self.validity),
            Arc::clone(&self.changed),
        ));
        let (of, shared) = (slot.clone(), Arc::clone(&holding));
        let task = self.workers.spawn_on(
            async move { (of, worker::run(&plan, shared).await) },
            &self.worker_runtime,
        );
        Some((task.id(), holding))
    }

    /// Takes in that a worker's task ended, and with it all that have ended by now: they end together when a
    /// node stops, and between two events every slot is looked at.
    pub(super) fn on_all_ended(&mut self, ended: Ended) {
        self.on_ended(ended);
        for _ in 0..self.workers.len() {
            let Some(ended) = self.workers.try_join_next_with_id() else {
                return;
            };
            self.on_ended(ended);
        }
    }

    /// Takes in that a worker's task ended.
    fn on_ended(&mut self, ended: Ended) {
        let (id, slot, end) = match ended {
            Ok((id, (slot, end))) => (id, Some(slot), end),
            // The engine itself panicked: whatever the worker had locked stays locked.
            Err(error) => (error.id(), None, WorkerEnd::Dropped),
        };
        if self.ahead.ended(id) {
            return;
        }
        let Some(slot) = self.tasks.remove(&id).or(slot) else {
            return;
        };
        tracing::info!(job = %slot.job, index = slot.index, ?end, "worker ended");
        match end {
            WorkerEnd::Clean => {}
            WorkerEnd::Idle => self.mark_done(&slot),
            WorkerEnd::GaveUp => {
                self.gave_up = true;
                self.mark_done(&slot);
            }
            WorkerEnd::Dropped => self.cut_off += usize::from(self.stopping),
        }
        if end == WorkerEnd::Dropped
            && let Some(held) = self.slots.get_mut(&slot)
        {
            held.rest_until = self.clock.now() + REST;
        }
        let holding = self.slots.get(&slot).and_then(|held| held.holding.as_ref());
        let begins = holding.and_then(|holding| holding.begin_at());
        let unlocked = end != WorkerEnd::Dropped
            && holding.is_some_and(|holding| holding.unlocked.load(Ordering::Relaxed));
        let clean = ended_clean(unlocked, begins.map(|begin| begin.at), self.clock.now());
        self.feed(&slot, Event::WorkerEnded { clean });
    }

    /// With `--until-idle`: nobody is to run the slot again while this node lives.
    fn mark_done(&mut self, slot: &Slot) {
        let done = &mut self.membership.wanted.done;
        done.entry(slot.job.to_string())
            .or_default()
            .insert(slot.index);
    }
}
