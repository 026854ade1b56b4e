//! What a job's methods are told about the worker they run in, and the few things they may ask.
//!
//! A context belongs to one holding of a slot: a worker that gets its slot again later gets a new
//! context with a greater fence. Every question is answered from memory, without a network.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::holding::Holding;
use crate::job::{JobError, JobResult};
use crate::model::{Hold, Moment};

/// The worker a method runs in: who it is, whether it may go on, how to pause.
pub struct WorkerContext {
    holding: Arc<Holding>,
}

impl WorkerContext {
    pub(crate) fn new(holding: Arc<Holding>) -> Self {
        Self { holding }
    }

    /// The job's name, as under `jobs:`.
    pub fn job(&self) -> &str {
        &self.holding.identity.slot.job
    }

    /// This worker's index, in `0..workers`. No other worker of the job has it at the same time.
    pub fn worker_index(&self) -> u32 {
        self.holding.identity.slot.index
    }

    /// How many workers the job has cluster-wide.
    ///
    /// Advisory while the number changes: nodes learn of it one after the other, so never
    /// partition records by it without locking them.
    pub fn workers(&self) -> u32 {
        self.holding.workers.load(Ordering::Relaxed)
    }

    /// The fencing token of this holding: greater for every later holder of this worker index.
    ///
    /// Write it with your data, in the same transaction, and refuse a smaller one. It fits an
    /// `i64`.
    ///
    /// 0 in a `prepare` that runs ahead, before the slot is held.
    pub fn fence(&self) -> u64 {
        self.holding.fence()
    }

    /// The name of the node this worker runs on.
    pub fn node(&self) -> &str {
        &self.holding.identity.node
    }

    /// The node's incarnation: random at each start of its process.
    pub fn incarnation(&self) -> &str {
        &self.holding.identity.incarnation
    }

    /// True once the worker was asked to stop. The record in hand may be finished.
    pub fn is_stopping(&self) -> bool {
        self.holding.stop_phase().is_stopping()
    }

    /// Completes once the worker is asked to stop; at once if it was already. Cancel safe.
    pub fn stopping(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stop = self.holding.stop.subscribe();
        async move {
            // An error means that the worker is gone, which is as good as stopping.
            let _ = stop.wait_for(|phase| phase.is_stopping()).await;
        }
    }

    /// True while nobody else can hold this worker's slot. False in a `prepare` that runs ahead.
    ///
    /// Compares two instants: no network. Ask again before each effect on the outside world that
    /// takes long to prepare.
    pub fn still_owned(&self) -> bool {
        self.holding.hold(self.holding.clock.now()) != Hold::Lost
    }

    /// Pauses this worker for `duration`, or until it is asked to stop.
    ///
    /// # Errors
    ///
    /// An interruption, if the worker is asked to stop. Passed on by `?` it ends the iteration in
    /// order and counts as no failure.
    ///
    /// Cancel safe.
    pub async fn sleep(&self, duration: Duration) -> JobResult<()> {
        let until = self.holding.clock.now() + duration;
        self.holding.asleep.store(true, Ordering::Relaxed);
        let _awake = OnDrop(|| self.holding.asleep.store(false, Ordering::Relaxed));
        tokio::select! {
            biased;
            () = self.stopping() => Err(JobError::interrupted()),
            () = self.holding.clock.sleep_until(until) => Ok(()),
        }
    }

    /// Ends this worker and starts it afresh: `return cx.abort();`
    ///
    /// The iteration ends in order (`unlock_records`, `after_perform`), the job's value is dropped,
    /// and a new one is built from the options.
    ///
    /// # Errors
    ///
    /// Always: that is how it ends the method.
    pub fn abort<T>(&self) -> JobResult<T> {
        Err(JobError::abort())
    }

    /// Runs `task` beside the records. It is joined when the worker stops, and aborted in the
    /// stop's third phase or when the slot is lost.
    ///
    /// A task started in any other way (`tokio::spawn`) is outside the runner's promise.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self
            .holding
            .tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Says that work goes on inside a long record, so that it is not taken for stuck.
    pub fn progress(&self) {
        self.holding.stamp_progress(self.holding.clock.now());
    }

    /// The latest moment at which anything of this worker may still touch the outside world.
    pub(crate) fn hard_deadline(&self) -> Moment {
        self.holding.hard_deadline()
    }

    /// Says that this iteration found no work, so that the worker backs off as after an empty batch.
    pub(crate) fn nothing_to_do(&self) {
        self.holding.found_nothing.store(true, Ordering::Relaxed);
    }

    pub(crate) fn holding(&self) -> &Arc<Holding> {
        &self.holding
    }
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
