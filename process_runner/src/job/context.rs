//! What a job's methods are told about the worker they run in, and the few things they may ask.
//!
//! A context belongs to one holding of a slot: a worker that gets its slot again later gets a new
//! context with a greater fence. Every question is answered from memory, without a network.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::job::{JobError, JobResult};
use crate::model::{Fence, Moment, Slot, StopPhase};

/// The worker a method runs in: who it is, whether it may go on, how to pause.
pub struct WorkerContext {
    shared: Arc<WorkerShared>,
}

impl WorkerContext {
    pub(crate) fn new(shared: Arc<WorkerShared>) -> Self {
        Self { shared }
    }

    /// The job's name, as under `jobs:`.
    pub fn job(&self) -> &str {
        &self.shared.identity.slot.job
    }

    /// This worker's index, in `0..workers`. No other worker of the job has it at the same time.
    pub fn worker_index(&self) -> u32 {
        self.shared.identity.slot.index
    }

    /// How many workers the job has cluster-wide.
    ///
    /// Advisory while the number changes: nodes learn of it one after the other, so never
    /// partition records by it without locking them.
    pub fn workers(&self) -> u32 {
        self.shared.workers.load(Ordering::Relaxed)
    }

    /// The fencing token of this holding: greater for every later holder of this worker index.
    ///
    /// Write it with your data, in the same transaction, and refuse a smaller one. It fits an
    /// `i64`.
    pub fn fence(&self) -> u64 {
        self.shared.identity.fence.get()
    }

    /// The name of the node this worker runs on.
    pub fn node(&self) -> &str {
        &self.shared.identity.node
    }

    /// The node's incarnation: random at each start of its process.
    pub fn incarnation(&self) -> &str {
        &self.shared.identity.incarnation
    }

    /// True once the worker was asked to stop. The record in hand may be finished.
    pub fn is_stopping(&self) -> bool {
        self.shared.stop_phase().is_stopping()
    }

    /// Completes once the worker is asked to stop; at once if it was already. Cancel safe.
    pub fn stopping(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stop = self.shared.stop.subscribe();
        async move {
            // An error means that the worker is gone, which is as good as stopping.
            let _ = stop.wait_for(|phase| phase.is_stopping()).await;
        }
    }

    /// True while nobody else can hold this worker's slot.
    ///
    /// Compares two instants: no network. Ask again before each effect on the outside world that
    /// takes long to prepare.
    pub fn still_owned(&self) -> bool {
        let shared = &self.shared;
        !shared.lost.load(Ordering::Acquire) && shared.validity.holds(shared.clock.now())
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
        let until = self.shared.clock.now() + duration;
        self.shared.asleep.store(true, Ordering::Relaxed);
        let _awake = OnDrop(|| self.shared.asleep.store(false, Ordering::Relaxed));
        tokio::select! {
            biased;
            () = self.stopping() => Err(JobError::interrupted()),
            () = self.shared.clock.sleep_until(until) => Ok(()),
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
            .shared
            .tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Says that work goes on inside a long record, so that it is not taken for stuck.
    pub fn progress(&self) {
        self.shared.stamp_progress(self.shared.clock.now());
    }

    /// The latest moment at which anything of this worker may still touch the outside world.
    pub(crate) fn hard_deadline(&self) -> Moment {
        self.shared.validity.hard()
    }

    pub(crate) fn shared(&self) -> &Arc<WorkerShared> {
        &self.shared
    }
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Who a worker is. Fixed for one holding.
#[derive(Debug, Clone)]
pub(crate) struct WorkerIdentity {
    pub(crate) slot: Slot,
    pub(crate) fence: Fence,
    pub(crate) node: Arc<str>,
    pub(crate) incarnation: Arc<str>,
}

/// What the worker, its engine and the control loop share about one holding.
pub(crate) struct WorkerShared {
    pub(crate) identity: WorkerIdentity,
    pub(crate) clock: Clock,
    pub(crate) validity: Arc<Validity>,
    pub(crate) stop: watch::Sender<StopPhase>,
    pub(crate) workers: AtomicU32,
    pub(crate) lost: AtomicBool,
    pub(crate) tasks: Mutex<JoinSet<()>>,
    pub(crate) asleep: AtomicBool,
    stop_now: AtomicU8,
    progress_at: AtomicU64,
}

impl WorkerShared {
    pub(crate) fn new(
        identity: WorkerIdentity,
        workers: u32,
        clock: Clock,
        validity: Arc<Validity>,
    ) -> Self {
        Self {
            identity,
            clock,
            validity,
            stop: watch::Sender::new(StopPhase::Run),
            workers: AtomicU32::new(workers),
            lost: AtomicBool::new(false),
            tasks: Mutex::new(JoinSet::new()),
            asleep: AtomicBool::new(false),
            stop_now: AtomicU8::new(StopPhase::Run as u8),
            progress_at: AtomicU64::new(clock.now().as_nanos()),
        }
    }

    /// Asks the worker to stop at least as urgently as `phase`. Phases never go back.
    pub(crate) fn request_stop(&self, phase: StopPhase) {
        self.stop_now.fetch_max(phase as u8, Ordering::AcqRel);
        self.stop.send_if_modified(|now| {
            let forward = phase > *now;
            *now = phase.max(*now);
            forward
        });
    }

    /// Says that the slot is lost: nothing may be unlocked any more, everything ends now.
    pub(crate) fn lose(&self) {
        self.lost.store(true, Ordering::Release);
        self.request_stop(StopPhase::Abort);
    }

    pub(crate) fn stop_phase(&self) -> StopPhase {
        match self.stop_now.load(Ordering::Acquire) {
            0 => StopPhase::Run,
            1 => StopPhase::Drain,
            2 => StopPhase::Cancel,
            _ => StopPhase::Abort,
        }
    }

    pub(crate) fn stamp_progress(&self, now: Moment) {
        self.progress_at.store(now.as_nanos(), Ordering::Relaxed);
    }

    pub(crate) fn progress_at(&self) -> Moment {
        Moment::from_nanos(self.progress_at.load(Ordering::Relaxed))
    }
}

/// Until when the node's lease surely holds. One per node, written by its heartbeat.
#[derive(Debug, Default)]
pub(crate) struct Validity {
    soft: AtomicU64,
    hard: AtomicU64,
}

impl Validity {
    /// Moves both deadlines.
    pub(crate) fn set(&self, soft: Moment, hard: Moment) {
        self.hard.store(hard.as_nanos(), Ordering::Release);
        self.soft.store(soft.as_nanos(), Ordering::Release);
    }

    /// True before the hard deadline: effects are allowed.
    pub(crate) fn holds(&self, now: Moment) -> bool {
        now < self.hard()
    }

    /// True before the soft deadline: something new may be begun.
    pub(crate) fn may_begin(&self, now: Moment) -> bool {
        now.as_nanos() < self.soft.load(Ordering::Acquire)
    }

    pub(crate) fn hard(&self) -> Moment {
        Moment::from_nanos(self.hard.load(Ordering::Acquire))
    }
}
