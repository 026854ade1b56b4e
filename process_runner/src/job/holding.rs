//! One holding of a slot, as the worker, its engine and the control loop share it.
//!
//! Everything here is an atomic or a short lock that is never held over an await: the worker
//! stamps its progress, the control loop asks it to stop or tells it that the slot is lost, and
//! the status is read from any thread. A new holding of the same slot is a new value with a
//! greater fence.
//!
//! A worker may be made ready before its slot is there (see `runtime::control::ahead`). Until then the
//! holding has no fence and owns nothing.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, SetOnce, watch};
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::model::{Condition, Fence, Hold, Moment, Slot, Step, StopPhase};
use crate::validity::Validity;

/// Who a worker is. Fixed for one holding.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// The slot is here only to be unlocked.
    pub(crate) retiring: bool,
    pub(crate) slot: Slot,
    pub(crate) node: Arc<str>,
    pub(crate) incarnation: Arc<str>,
}

/// The shared state of one holding.
pub(crate) struct Holding {
    pub(crate) identity: Identity,
    /// Since the slot is held.
    fence: SetOnce<Fence>,
    /// Since it is known how the holding before ended (see `model::lock_delay`).
    begin: SetOnce<Begin>,
    /// Since the worker has run `prepare` once, whether it succeeded or not.
    pub(crate) prepared: SetOnce<()>,
    pub(crate) clock: Clock,
    pub(crate) workers: AtomicU32,
    /// Asks for stops. Read through [`Holding::stop_phase`]; subscribed to only while waiting.
    pub(crate) stop: watch::Sender<StopPhase>,
    /// Tasks of `cx.spawn`, joined when the worker ends.
    pub(crate) tasks: Mutex<JoinSet<()>>,
    pub(crate) asleep: AtomicBool,
    pub(crate) found_nothing: AtomicBool,
    /// Nothing is locked under this index: the last `unlock_records` succeeded, or the holding before is
    /// known to have left nothing. A worker that never came so far has unlocked nothing.
    pub(crate) unlocked: AtomicBool,
    pub(crate) counters: Counters,
    /// Ends a pause between iterations.
    pub(crate) kick: Notify,
    /// Without progress for so long, a worker is stuck.
    stuck_after: Option<Duration>,
    validity: Arc<Validity>,
    lost: AtomicBool,
    stop_now: AtomicU8,
    progress_at: AtomicU64,
    phase: AtomicU8,
    standing: Mutex<Standing>,
    changed: Arc<Notify>,
}

/// What a worker has done in this holding. Written by the worker alone.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) iterations: AtomicU64,
    pub(crate) records: AtomicU64,
    pub(crate) errors: AtomicU64,
}

impl Counters {
    /// Records and errors so far.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (
            self.records.load(Ordering::Relaxed),
            self.errors.load(Ordering::Relaxed),
        )
    }

    /// Stores the new totals: two plain stores, because the worker is the only writer.
    #[inline]
    pub(crate) fn set(&self, records: u64, errors: u64) {
        self.records.store(records, Ordering::Relaxed);
        self.errors.store(errors, Ordering::Relaxed);
    }
}

/// How a worker stands between iterations, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) condition: Condition,
    pub(crate) reason: Option<String>,
}

/// When the first iteration may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Begin {
    pub(crate) at: Moment,
    /// The same on the wall, in milliseconds since 1970: for people.
    pub(crate) unix_ms: u64,
}

impl Holding {
    /// A holding that is about to begin. `changed` is told whenever its standing changes.
    pub(crate) fn new(
        identity: Identity,
        workers: u32,
        stuck_after: Option<Duration>,
        clock: Clock,
        validity: Arc<Validity>,
        changed: Arc<Notify>,
    ) -> Self {
        Self {
            identity,
            fence: SetOnce::new(),
            begin: SetOnce::new(),
            prepared: SetOnce::new(),
            clock,
            workers: AtomicU32::new(workers),
            stop: watch::Sender::new(StopPhase::Run),
            tasks: Mutex::new(JoinSet::new()),
            asleep: AtomicBool::new(false),
            found_nothing: AtomicBool::new(false),
            unlocked: AtomicBool::new(false),
            counters: Counters::default(),
            kick: Notify::new(),
            stuck_after,
            validity,
            lost: AtomicBool::new(false),
            stop_now: AtomicU8::new(StopPhase::Run as u8),
            progress_at: AtomicU64::new(clock.now().as_nanos()),
            phase: AtomicU8::new(Phase::Starting as u8),
            standing: Mutex::new(Standing {
                condition: Condition::Healthy,
                reason: None,
            }),
            changed,
        }
    }

    /// The job has so many workers now.
    pub(crate) fn set_workers(&self, workers: u32) {
        self.workers.store(workers, Ordering::Relaxed);
    }

    /// The slot is held, under this fence. A holding begins once.
    pub(crate) fn held(&self, fence: Fence) {
        self.progress_at
            .store(self.clock.now().as_nanos(), Ordering::Relaxed);
        // One step: who sees the fence owns the slot. An error means that it began before.
        let _ = self.fence.set(fence);
    }

    /// The token as user code sees it; 0 while the slot is not held yet.
    pub(crate) fn fence(&self) -> u64 {
        self.fence.get().map_or(0, |fence| fence.get())
    }

    /// The first iteration may begin at `at`. Said once.
    pub(crate) fn begins(&self, at: Moment) {
        let left = at.since(self.clock.now()).as_millis();
        let left = u64::try_from(left).unwrap_or(u64::MAX);
        let unix_ms = self.clock.unix_ms().saturating_add(left);
        // An error means that it was said before.
        let _ = self.begin.set(Begin { at, unix_ms });
        // It was shown as waiting for this.
        if self.fence.get().is_some() {
            self.changed.notify_one();
        }
    }

    /// When the first iteration may begin, once that is known.
    pub(crate) fn begin_at(&self) -> Option<Begin> {
        self.begin.get().copied()
    }

    /// True if the slot is held, and nothing makes its worker wait.
    pub(crate) fn may_iterate(&self, now: Moment) -> bool {
        self.fence.get().is_some() && self.begin.get().is_some_and(|begin| now >= begin.at)
    }

    /// Completes once [`Holding::may_iterate`] holds. Cancel safe.
    pub(crate) async fn until_it_may_iterate(&self) {
        self.fence.wait().await;
        let begin = self.begin.wait().await;
        if self.clock.now() < begin.at {
            self.clock.sleep_until(begin.at).await;
            self.changed.notify_one();
        }
    }

    /// How sure the slot is at `now`.
    pub(crate) fn hold(&self, now: Moment) -> Hold {
        let owned = self.fence.get().is_some() && !self.lost.load(Ordering::Acquire);
        if !owned || !self.validity.holds(now) {
            Hold::Lost
        } else if self.validity.may_begin(now) {
            Hold::Firm
        } else {
            Hold::Ending
        }
    }

    /// The moment from which nothing of this worker may touch the outside world.
    pub(crate) fn hard_deadline(&self) -> Moment {
        self.validity.hard()
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

    /// Says that the slot is lost: everything ends now and nothing is unlocked any more.
    pub(crate) fn lose(&self) {
        self.lost.store(true, Ordering::Release);
        self.request_stop(StopPhase::Abort);
    }

    pub(crate) fn stop_phase(&self) -> StopPhase {
        StopPhase::from_number(self.stop_now.load(Ordering::Acquire))
    }

    /// Marks the beginning of a step. The worker calls it before each hook and each record.
    #[inline]
    pub(crate) fn begin(&self, phase: Phase, now: Moment) {
        self.progress_at.store(now.as_nanos(), Ordering::Relaxed);
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    pub(crate) fn stamp_progress(&self, now: Moment) {
        self.progress_at.store(now.as_nanos(), Ordering::Relaxed);
    }

    pub(crate) fn progress_at(&self) -> Moment {
        Moment::from_nanos(self.progress_at.load(Ordering::Relaxed))
    }

    /// True if the worker is in a hook and has made no progress for `stuck_after`. Waiting, between
    /// iterations or in `cx.sleep`, is no lack of progress.
    pub(crate) fn is_stuck(&self, now: Moment) -> bool {
        let waits = matches!(self.phase(), Phase::Wait | Phase::Pause)
            || self.asleep.load(Ordering::Relaxed);
        !waits
            && self
                .stuck_after
                .is_some_and(|after| now >= self.progress_at() + after)
    }

    pub(crate) fn phase(&self) -> Phase {
        Phase::from_number(self.phase.load(Ordering::Relaxed))
    }

    /// Changes how the worker stands and tells the node, if it is a change.
    pub(crate) fn stand(&self, condition: Condition, reason: Option<String>) {
        let standing = Standing { condition, reason };
        let mut now = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        if *now != standing {
            *now = standing;
            self.changed.notify_one();
        }
    }

    pub(crate) fn standing(&self) -> Standing {
        self.standing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Where in an iteration a worker is, as `status` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    Starting = 0,
    Before = 1,
    Lock = 2,
    Process = 3,
    Wait = 4,
    Quarantine = 5,
    Unlock = 6,
    After = 7,
    Pause = 8,
}

impl Phase {
    pub(crate) fn of(step: Step) -> Self {
        match step {
            Step::Before => Self::Before,
            Step::Lock => Self::Lock,
            Step::Process(_) => Self::Process,
            Step::Wait(_) => Self::Wait,
            Step::Quarantine(_) => Self::Quarantine,
            Step::Unlock => Self::Unlock,
            Step::After | Step::End(_) => Self::After,
        }
    }

    fn from_number(number: u8) -> Self {
        [
            Self::Starting,
            Self::Before,
            Self::Lock,
            Self::Process,
            Self::Wait,
            Self::Quarantine,
            Self::Unlock,
            Self::After,
        ]
        .get(usize::from(number))
        .copied()
        .unwrap_or(Self::Pause)
    }

    /// The name in `status`: the hook's, where there is one.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Starting => "prepare",
            Self::Before => "before_perform",
            Self::Lock => "lock_records",
            Self::Process => "process_record",
            Self::Wait => "waiting_to_retry",
            Self::Quarantine => "quarantine",
            Self::Unlock => "unlock_records",
            Self::After => "after_perform",
            Self::Pause => "pausing",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::task::{Context as TaskContext, Wake, Waker};

    use super::*;

    fn holding() -> Holding {
        let identity = Identity {
            retiring: false,
            slot: Slot::new("a", 0),
            node: "n".into(),
            incarnation: "i".into(),
        };
        let validity = Arc::new(Validity::default());
        validity.set(Moment::NEVER, Moment::NEVER);
        let clock = Clock::boot();
        Holding::new(identity, 1, None, clock, validity, Arc::default())
    }

    /// Asks at the very moment it is woken.
    struct Asks {
        holding: Arc<Holding>,
        firm: AtomicBool,
    }

    impl Wake for Asks {
        fn wake(self: Arc<Self>) {
            let hold = self.holding.hold(self.holding.clock.now());
            self.firm.store(hold == Hold::Firm, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_is_woken_by_its_fence_owns_the_slot() {
        let holding = Arc::new(holding());
        let asks = Arc::new(Asks {
            holding: Arc::clone(&holding),
            firm: AtomicBool::new(false),
        });
        let waker = Waker::from(Arc::clone(&asks));
        holding.begins(Moment::ZERO);
        let mut waiting = Box::pin(holding.until_it_may_iterate());
        let mut cx = TaskContext::from_waker(&waker);
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
        holding.held(Fence::new(0, 7).unwrap());
        assert!(asks.firm.load(Ordering::Relaxed));
    }
}
