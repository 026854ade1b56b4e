//! What a user writes: one [`Job`], that is one *iteration* over a batch of records.
//!
//! ```text
//! before_perform -> lock_records -> process_record for each -> unlock_records -> after_perform
//! ```
//!
//! The runner repeats the iteration for as long as this node holds the worker's slot. It decides
//! between records whether to go on (the slot is still ours, nobody asked to stop); the job only
//! says what a record is and what to do with it.
//!
//! # Guarantees
//!
//! - **At least once.** A record that was locked when a worker died is seen again by the next
//!   holder of the same worker index, because `lock_records` runs there.
//! - **One at a time.** The methods of one worker never run concurrently: they take `&mut self`.
//! - `unlock_records` and `after_perform` run after success, error, panic, stop and timeout alike,
//!   but *not* after the slot was lost: they would touch records of its new owner.
//!
//! # How it fails
//!
//! An error or a panic of `process_record` concerns that record alone. One of `lock_records` ends
//! the iteration, which is repeated after a backoff. See [`JobError`] for what an error can say.

mod context;
mod error;
mod holding;

use std::future::Future;

pub use context::WorkerContext;
pub(crate) use error::Flow;
pub use error::{JobError, JobResult, RetryAdvice};
pub(crate) use holding::{Holding, Identity, Phase};

/// One iteration of a long-running job.
///
/// The struct carries `#[job]`, which registers it by its name and turns its fields into options,
/// state and working storage. Each worker of the job has its own value.
///
/// Every method is dropped at an await point when its time is up: after `record_timeout` (only
/// `process_record`), in the second phase of a stop, and when the slot is lost. What must not be
/// cut in half belongs in one transaction.
///
/// ```
/// use process_runner::prelude::*;
///
/// #[job(lock_driver = "etcd")]
/// struct Greeter {
///     #[job(default = "world".to_owned())]
///     name: String,
/// }
///
/// impl Job for Greeter {
///     type Record = String;
///
///     async fn lock_records(&mut self, _cx: &WorkerContext) -> JobResult<Vec<String>> {
///         Ok(vec![self.name.clone()])
///     }
///
///     async fn process_record(&mut self, cx: &WorkerContext, name: &String) -> JobResult<()> {
///         println!("worker {} greets {name}", cx.worker_index());
///         Ok(())
///     }
///
///     async fn unlock_records(&mut self, _cx: &WorkerContext) -> JobResult<()> {
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has the attribute `#[job]` but does not implement `Job`",
    label = "this struct needs `impl Job for {Self}`",
    note = "implement `lock_records`, `process_record` and `unlock_records`: they are one iteration of the job"
)]
pub trait Job: Sized + Send + 'static {
    /// What `lock_records` hands to `process_record`. Usually a row or its key.
    type Record: Send + Sync + 'static;

    /// Locks a batch of records for this worker and returns them, in one atomic step.
    ///
    /// An empty batch is no error: the worker backs off (`idle` in the configuration) and asks
    /// again.
    fn lock_records(
        &mut self,
        cx: &WorkerContext,
    ) -> impl Future<Output = JobResult<Vec<Self::Record>>> + Send;

    /// Processes one record of the batch.
    ///
    /// The slot was still owned immediately before this call. An error is retried as configured
    /// under `retry`, then handed to [`quarantine`](Self::quarantine); the other records go on.
    fn process_record(
        &mut self,
        cx: &WorkerContext,
        record: &Self::Record,
    ) -> impl Future<Output = JobResult<()>> + Send;

    /// Releases every record this worker still holds.
    ///
    /// Called after every iteration that began, but never by a worker that may no longer own its
    /// slot.
    fn unlock_records(&mut self, cx: &WorkerContext) -> impl Future<Output = JobResult<()>> + Send;

    /// Runs before `lock_records`. By default it does nothing.
    fn before_perform(
        &mut self,
        _cx: &WorkerContext,
    ) -> impl Future<Output = JobResult<()>> + Send {
        async { Ok(()) }
    }

    /// Runs last in every iteration, under the same conditions as `unlock_records`.
    fn after_perform(&mut self, _cx: &WorkerContext) -> impl Future<Output = JobResult<()>> + Send {
        async { Ok(()) }
    }

    /// Runs once in the life of a worker, before its first iteration: warm a cache, prepare a
    /// statement.
    ///
    /// With `prepare_ahead` in the configuration it runs before a planned move, while the worker on the
    /// other node still works: the slot is not held yet, `cx.fence()` is 0 and `cx.still_owned()` is
    /// false, so touch nothing that the other worker needs. Everywhere else the slot is held already;
    /// with a `lock_delay` the delay may not be over yet, because it holds back iterations only.
    fn prepare(&mut self, _cx: &WorkerContext) -> impl Future<Output = JobResult<()>> + Send {
        async { Ok(()) }
    }

    /// Takes a record that failed for good: all its retries are used up, or the error said "do
    /// not retry". By default the failure is only counted and logged; the record stays locked
    /// until `unlock_records`.
    fn quarantine(
        &mut self,
        _cx: &WorkerContext,
        _record: &Self::Record,
        _error: &JobError,
    ) -> impl Future<Output = JobResult<()>> + Send {
        async { Ok(()) }
    }
}
