//! The worker: the loop that runs a job's iterations for one holding of a slot.
//!
//! ```text
//! build -> prepare -> slot held? -> lock_delay over? -> (iterate -> pause)* -> end
//!   ^_________________________________________________________|  a broken iteration, or `cx.abort()`: the value is built afresh
//! ```
//!
//! # Guarantees
//!
//! - A failure ends no worker: it is counted, told, and tried again after a growing, jittered
//!   delay. Three in a row make it crash-looping, which is shown and still retried.
//! - The pause between iterations ends at once when the worker is asked to stop.
//! - Tasks of `cx.spawn` are joined before the worker's end is reported; a stop in its last phase
//!   aborts them.
//!
//! # How it ends
//!
//! Whether anything may still be locked is for `Holding::unlocked` to say: a worker that was stopped
//! before its first iteration has unlocked nothing of what a dead one before it may have left.
//! Dropped, it reports nothing, and whoever dropped it must treat it as not clean.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use super::attempt::Attempt;
use super::erased::ErasedJob;
use super::iteration::{IterationRules, Report};
use crate::class::ClassEntry;
use crate::job::{Flow, Holding, Phase, WorkerContext};
use crate::lock::LockDriver;
use crate::model::{Condition, Ending, Legible, Pacing, PacingRules, Pause, StopPhase, one_line};
use crate::state::States;

/// Of the reason in the status of a node, in characters. A node may have thousands of workers.
const LONGEST_REASON: usize = 1_000;

/// What a worker of one job needs to run. Shared by all its workers on this node.
pub(crate) struct WorkerPlan {
    pub(crate) class: ClassEntry,
    pub(crate) options: Value,
    pub(crate) states: Arc<States>,
    pub(crate) driver: Option<Arc<dyn LockDriver>>,
    pub(crate) iteration: IterationRules,
    pub(crate) pacing: PacingRules,
    /// Without progress for so long, a worker is stuck.
    pub(crate) stuck_after: Option<Duration>,
    /// How long the first iteration waits after a holding that did not end cleanly.
    pub(crate) lock_delay: Duration,
    /// End after the first empty batch, and after repeated failures.
    pub(crate) until_idle: bool,
}

/// How a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorkerEnd {
    /// It was asked to stop, and did.
    Clean,
    /// With `until_idle`: it found no more work.
    Idle,
    /// With `until_idle`: it failed again and again.
    GaveUp,
    /// It was cut off: records may still be locked.
    Dropped,
}

/// Runs the worker to its end, and waits for the tasks of `cx.spawn`.
///
/// Dropped at an await point, it drops the user's job there: nothing is unlocked.
pub(crate) async fn run(plan: &WorkerPlan, holding: Arc<Holding>) -> WorkerEnd {
    let mut stop = holding.stop.subscribe();
    let mut worker = Worker {
        plan,
        cx: WorkerContext::new(Arc::clone(&holding)),
        pacing: Pacing::default(),
    };
    let end = tokio::select! {
        biased;
        end = worker.run() => end,
        // Whatever the worker awaits, the last phase drops it there.
        () = until_abort(&mut stop) => WorkerEnd::Dropped,
    };
    drop(worker);
    join_spawned(&holding, &mut stop).await;
    end
}

struct Worker<'a> {
    plan: &'a WorkerPlan,
    cx: WorkerContext,
    pacing: Pacing,
}

impl Worker<'_> {
    async fn run(&mut self) -> WorkerEnd {
        let mut job: Option<Box<dyn ErasedJob>> = None;
        loop {
            let ready = self.ready(&mut job).await;
            // Who waits for it wants to know that it was tried; a failure is tried again below.
            let _ = self.cx.holding().prepared.set(());
            let report = match ready {
                Ok(job) => match self.held().await {
                    true => self.iterate(job).await,
                    false => report(Ending::Stopped),
                },
                Err(report) => report,
            };
            if let Some(end) = self.end_after(&report) {
                return end;
            }
            let pause = self
                .pacing
                .after(report.ending, &self.plan.pacing, fastrand::f64());
            if pause.afresh {
                job = None;
            }
            if self.gives_up(pause) {
                return WorkerEnd::GaveUp;
            }
            self.tell(pause, report.failure);
            self.pause(pause).await;
        }
    }

    /// Waits until the slot is held, and until the delay after its last loss is over. False if the
    /// worker is to stop before.
    async fn held(&self) -> bool {
        let holding = self.cx.holding();
        if holding.may_iterate(holding.clock.now()) {
            return true;
        }
        holding.begin(Phase::Pause, holding.clock.now());
        tokio::select! {
            biased;
            () = self.cx.stopping() => false,
            () = holding.until_it_may_iterate() => true,
        }
    }

    /// The job's value, built and prepared if there is none.
    async fn ready<'j>(
        &self,
        job: &'j mut Option<Box<dyn ErasedJob>>,
    ) -> Result<&'j mut Box<dyn ErasedJob>, Report> {
        if job.is_none() {
            let mut fresh = (self.plan.class.build)(&self.plan.options, &self.plan.states)
                .map_err(|error| self.failed(error.to_string()))?;
            self.cx
                .holding()
                .begin(Phase::Starting, self.cx.holding().clock.now());
            match fresh.prepare(&self.cx).await {
                Attempt::Returned(Ok(())) => {}
                Attempt::Cancelled => return Err(report(Ending::Stopped)),
                Attempt::Returned(Err(error)) if matches!(error.flow(), Flow::Interrupted) => {
                    return Err(report(Ending::Stopped));
                }
                Attempt::Returned(Err(error)) => {
                    return Err(self.failed(format!("prepare: {error}")));
                }
                Attempt::Panicked(message) => {
                    return Err(self.failed(format!("prepare: panicked: {message}")));
                }
                Attempt::TimedOut(after) => {
                    return Err(self.failed(format!("prepare: timed out after {after:?}")));
                }
            }
            *job = Some(fresh);
        }
        job.as_mut()
            .ok_or_else(|| self.failed("the job was not built".to_owned()))
    }

    /// One iteration under the class's own lock, where it has one besides the slot.
    async fn iterate(&self, job: &mut Box<dyn ErasedJob>) -> Report {
        let Some(driver) = &self.plan.driver else {
            return job.iterate(&self.cx, &self.plan.iteration).await;
        };
        let guard = match driver.acquire(&self.cx.holding().identity.slot).await {
            Ok(Some(guard)) => guard,
            Ok(None) => return report(Ending::Empty),
            Err(error) => return self.failed(format!("lock driver: {error}")),
        };
        let mut done = job.iterate(&self.cx, &self.plan.iteration).await;
        if let Err(error) = guard.release().await {
            let released = self.failed(format!("lock driver: {error}"));
            done.failure = done.failure.or(released.failure);
        }
        done
    }

    /// A failure of the worker, not of a hook of its job.
    fn failed(&self, failure: String) -> Report {
        let slot = &self.cx.holding().identity.slot;
        let error = Legible(&failure);
        tracing::warn!(job = %slot.job, index = slot.index, %error, "a worker failed");
        Report {
            ending: Ending::Broken { aborted: false },
            failure: Some(failure),
        }
    }

    fn end_after(&self, report: &Report) -> Option<WorkerEnd> {
        match report.ending {
            Ending::Dropped => Some(WorkerEnd::Dropped),
            Ending::Stopped => Some(WorkerEnd::Clean),
            _ if self.cx.is_stopping() => Some(WorkerEnd::Clean),
            Ending::Empty if self.plan.until_idle => Some(WorkerEnd::Idle),
            _ => None,
        }
    }

    fn gives_up(&self, pause: Pause) -> bool {
        self.plan.until_idle && pause.condition == Condition::CrashLooping
    }

    /// Tells how the worker stands. Where it failed, the log says what with already.
    fn tell(&self, pause: Pause, failure: Option<String>) {
        let holding = self.cx.holding();
        let told = match pause.condition {
            Condition::Healthy => return holding.stand(pause.condition, None),
            Condition::BackingOff => "a worker backs off",
            Condition::CrashLooping => "a worker is crash-looping",
        };
        let failures = self.pacing.failures();
        let slot = &holding.identity.slot;
        let retry_in_ms = u64::try_from(pause.delay.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(job = %slot.job, index = slot.index, failures, retry_in_ms, "{told}");
        let failure = failure.unwrap_or_else(|| "failed".to_owned());
        let reason = format!("{failure} (failure {failures} in a row)");
        holding.stand(pause.condition, Some(one_line(&reason, LONGEST_REASON)));
    }

    async fn pause(&self, pause: Pause) {
        let holding = self.cx.holding();
        if pause.delay.is_zero() {
            return;
        }
        holding.begin(Phase::Pause, holding.clock.now());
        holding.asleep.store(true, Ordering::Relaxed);
        let until = holding.clock.now() + pause.delay;
        tokio::select! {
            biased;
            () = self.cx.stopping() => {}
            () = holding.kick.notified() => {}
            () = holding.clock.sleep_until(until) => {}
        }
        holding.asleep.store(false, Ordering::Relaxed);
    }
}

fn report(ending: Ending) -> Report {
    Report {
        ending,
        failure: None,
    }
}

/// Waits for the tasks of `cx.spawn`; aborts them once the stop is in its last phase.
async fn join_spawned(holding: &Holding, stop: &mut watch::Receiver<StopPhase>) {
    let mut tasks = {
        let mut tasks = holding.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *tasks)
    };
    tokio::select! {
        biased;
        () = until_abort(stop) => {}
        () = async { while tasks.join_next().await.is_some() {} } => {}
    }
    tasks.shutdown().await;
}

async fn until_abort(stop: &mut watch::Receiver<StopPhase>) {
    // An error means that the holding is gone, which cannot be while we borrow it.
    let _ = stop
        .wait_for(|phase| *phase >= StopPhase::Abort)
        .await
        .map(drop);
}
