//! The shell around the iteration machine: it calls the user's hooks and reports how they went.
//!
//! The order of things per record is fixed by measurement: give the scheduler its turn, read the
//! clock once (for the ownership check and the progress stamp alike), poll. See `attempt` for why
//! no timer is armed before the first poll.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::attempt::{Attempt, Patience, attempt};
use crate::job::Phase;
use crate::job::{Flow, Holding, Job, JobError, JobResult, RetryAdvice, WorkerContext};
use crate::model::{Backoff, Ending, Iteration, Legible, Outcome, Step};

/// The settings of a job that its iterations obey.
#[derive(Debug, Clone)]
pub(crate) struct IterationRules {
    /// A failed record is tried again so often.
    pub(crate) retries: u32,
    /// The wait before failed records are tried again.
    pub(crate) retry: Backoff,
    /// One call of `process_record` may take so long.
    pub(crate) record_timeout: Option<Duration>,
}

/// How an iteration went.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) ending: Ending,
    /// The last error of a hook other than `process_record`.
    pub(crate) failure: Option<String>,
}

/// Runs one iteration of `job` to its end.
///
/// Dropped at an await point it drops the hook in hand and calls no further one: nothing is
/// unlocked.
pub(crate) async fn iterate<J: Job>(
    job: &mut J,
    cx: &WorkerContext,
    rules: &IterationRules,
) -> Report {
    let holding = cx.holding();
    let mut machine = match holding.identity.retiring {
        true => Iteration::unlocking(),
        false => Iteration::new(rules.retries),
    };
    let mut shell = Shell {
        job,
        cx,
        rules,
        batch: Vec::new(),
        error: None,
        told: String::new(),
        failure: None,
    };
    let (records, errors) = holding.counters.totals();
    let ending = loop {
        tokio::task::coop::consume_budget().await;
        let now = holding.clock.now();
        let step = machine.next(holding.hold(now), holding.stop_phase());
        holding.begin(Phase::of(step), now);
        let outcome = match step {
            Step::Process(record) => shell.process(record).await,
            Step::End(ending) => break ending,
            step => shell.hook(step).await,
        };
        machine.finished(outcome);
        holding
            .counters
            .set(records + machine.processed, errors + machine.errors);
    };
    holding.counters.iterations.fetch_add(1, Ordering::Relaxed);
    if let Some(unlocked) = machine.unlocked {
        holding.unlocked.store(unlocked, Ordering::Relaxed);
    }
    let found_nothing = holding.found_nothing.swap(false, Ordering::Relaxed);
    let ending = if found_nothing && ending == Ending::Worked {
        Ending::Empty
    } else {
        ending
    };
    Report {
        ending,
        failure: shell.failure,
    }
}

struct Shell<'a, J: Job> {
    job: &'a mut J,
    cx: &'a WorkerContext,
    rules: &'a IterationRules,
    batch: Vec<J::Record>,
    /// What the record in hand failed with last.
    error: Option<JobError>,
    /// What the record in quarantine failed with, which the log has.
    told: String,
    /// What the last failed hook failed with.
    failure: Option<String>,
}

impl<J: Job> Shell<'_, J> {
    /// Calls `process_record`.
    #[inline]
    async fn process(&mut self, record: usize) -> Outcome {
        let holding = self.cx.holding();
        let call = self.job.process_record(self.cx, &self.batch[record]);
        let done = attempt(
            call,
            holding,
            Patience::UntilCancel,
            self.rules.record_timeout,
        )
        .await;
        match done {
            Attempt::Returned(Ok(())) => Outcome::Done(0),
            other => self.record_failed(record, other),
        }
    }

    #[cold]
    fn record_failed(&mut self, record: usize, ended: Attempt<()>) -> Outcome {
        let (outcome, error) = judge(ended);
        if let Some(error) = error {
            let slot = &self.cx.holding().identity.slot;
            let told = Legible(&error);
            tracing::warn!(job = %slot.job, index = slot.index, record, error = %told, "a record failed");
            self.error = Some(error);
        }
        outcome
    }

    /// Calls the hook of any other step.
    async fn hook(&mut self, step: Step) -> Outcome {
        let (cx, holding) = (self.cx, self.cx.holding());
        let ended = match step {
            Step::Before => work(self.job.before_perform(cx), holding).await,
            Step::Lock => return self.lock().await,
            Step::Wait(round) => self.wait(round).await,
            Step::Quarantine(record) => self.quarantine(record).await,
            Step::Unlock => tidy(self.job.unlock_records(cx), holding).await,
            Step::After => tidy(self.job.after_perform(cx), holding).await,
            // `iterate` handles both itself.
            Step::Process(_) | Step::End(_) => Attempt::Returned(Ok(())),
        };
        self.judge_hook(Phase::of(step), ended)
    }

    async fn lock(&mut self) -> Outcome {
        match work(self.job.lock_records(self.cx), self.cx.holding()).await {
            Attempt::Returned(Ok(batch)) => {
                self.batch = batch;
                Outcome::Done(self.batch.len())
            }
            other => self.judge_hook(Phase::Lock, other),
        }
    }

    async fn wait(&mut self, round: u32) -> Attempt<()> {
        let delay = self.rules.retry.delay(round, fastrand::f64());
        Attempt::Returned(self.cx.sleep(delay).await)
    }

    async fn quarantine(&mut self, record: usize) -> Attempt<()> {
        let error = self
            .error
            .take()
            .unwrap_or_else(|| JobError::from("unknown error"));
        self.told = error.to_string();
        let call = self.job.quarantine(self.cx, &self.batch[record], &error);
        tidy(call, self.cx.holding()).await
    }

    fn judge_hook<T>(&mut self, phase: Phase, ended: Attempt<T>) -> Outcome {
        let (outcome, error) = judge(ended);
        if let Some(error) = error {
            let slot = &self.cx.holding().identity.slot;
            let hook = phase.name();
            let error = error.to_string();
            // A quarantine that fails with the record's own error says nothing new.
            let known = phase == Phase::Quarantine && error == self.told;
            let told = (!known).then(|| tracing::field::display(Legible(&error)));
            tracing::warn!(job = %slot.job, index = slot.index, hook, error = told, "an iteration failed");
            self.failure = Some(format!("{hook}: {error}"));
        }
        outcome
    }
}

/// A hook that works, dropped in the second phase of a stop.
async fn work<T>(call: impl Future<Output = JobResult<T>>, holding: &Holding) -> Attempt<T> {
    attempt(call, holding, Patience::UntilCancel, None).await
}

/// A hook that tidies up, dropped in the last phase of a stop only.
async fn tidy<T>(call: impl Future<Output = JobResult<T>>, holding: &Holding) -> Attempt<T> {
    attempt(call, holding, Patience::UntilAbort, None).await
}

/// What an end means to the machine, and the error worth telling.
fn judge<T>(ended: Attempt<T>) -> (Outcome, Option<JobError>) {
    match ended {
        Attempt::Returned(Ok(_)) => (Outcome::Done(0), None),
        Attempt::Returned(Err(error)) => match error.flow() {
            Flow::Interrupted => (Outcome::Interrupted, None),
            Flow::Abort => (Outcome::Abort, None),
            Flow::Failed { advice, .. } => {
                let outcome = match advice {
                    RetryAdvice::AsConfigured => Outcome::Failed,
                    RetryAdvice::Retry => Outcome::FailedForNow,
                    RetryAdvice::DoNotRetry => Outcome::FailedForGood,
                };
                (outcome, Some(error))
            }
        },
        Attempt::Panicked(message) => (
            Outcome::Panicked,
            Some(JobError::from(format!("panicked: {message}"))),
        ),
        Attempt::TimedOut(after) => (
            Outcome::Failed,
            Some(JobError::from(format!("timed out after {after:?}"))),
        ),
        Attempt::Cancelled => (Outcome::Interrupted, None),
    }
}
