//! A process of the simulation: a runtime of its own, whose clock the simulation moves.
//!
//! # Why
//!
//! A stopped process (SIGSTOP) does nothing while time goes on, and then finds that time has leapt.
//! With all nodes on one runtime nothing can stand still alone. So each process has a runtime, all
//! of them on one thread, and the simulation lets one after the other run up to the next moment.
//! Whoever is not asked to run stands still, its tasks, timers and users' code alike.
//!
//! What one process tells another arrives when the other runs next, so a message takes a few
//! milliseconds, as on a network. Everything happens on one thread, in one order: a run repeats.
//!
//! A process to which nothing is said need not run at every step. It may fall behind for a while
//! (`slack`), and then runs up to the present, through all its timers in between: most of a
//! simulation's time went into asking processes that had nothing to do. What such a process does by
//! itself reaches others that much later, as if it had been slow. What is said to it, it hears at
//! the present time.

use std::cell::Cell;
use std::future::Future;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio::time::{Instant, advance, sleep_until};

pub(crate) struct Peer {
    runtime: Runtime,
    /// The same moment on the runtime's clock and on the simulation's.
    base: Instant,
    born: Duration,
    /// Up to where it has run.
    reached: Duration,
    /// How far it may fall behind while nothing is said to it.
    slack: Duration,
    /// Something was done in it since it ran, which may have woken its own tasks.
    touched: Cell<bool>,
}

impl Peer {
    /// A process that begins at `now`.
    pub(crate) fn new(now: Duration, slack: Duration) -> Self {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().unwrap();
        let base = runtime.block_on(async { Instant::now() });
        Self {
            runtime,
            base,
            born: now,
            reached: now,
            slack,
            touched: Cell::new(true),
        }
    }

    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.runtime.spawn(task)
    }

    /// Does something in the process, at once.
    pub(crate) fn enter<T>(&self, work: impl FnOnce() -> T) -> T {
        self.touched.set(true);
        self.runtime.block_on(async { work() })
    }

    /// What a task that has ended returned.
    pub(crate) fn join<T>(&self, task: JoinHandle<T>) -> T {
        self.runtime.block_on(task).unwrap()
    }

    /// Runs one step, from `now` to `until`, or nothing if it can wait.
    pub(crate) fn step(&mut self, now: Duration, until: Duration) {
        // Tasks that others have woken.
        let said = self.runtime.metrics().global_queue_depth() > 0;
        if said || self.touched.get() {
            self.touched.set(false);
            self.wake_at(now);
            self.run_until(until);
        } else if until - self.reached >= self.slack {
            self.run_until(until);
        }
    }

    fn run_until(&mut self, until: Duration) {
        let moment = self.base + (until - self.born);
        self.runtime.block_on(async { sleep_until(moment).await });
        self.reached = until;
    }

    /// Its clock leaps to `now`, before anything of it runs: it stood still until then.
    pub(crate) fn wake_at(&mut self, now: Duration) {
        let missed = now - self.reached;
        if !missed.is_zero() {
            self.runtime.block_on(async { advance(missed).await });
            self.reached = now;
        }
    }

    /// How this process turns its clock into the simulation's.
    pub(crate) fn time(&self) -> Time {
        Time {
            base: self.base,
            born: self.born,
        }
    }
}

/// The simulation's time, for code that runs in a process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time {
    base: Instant,
    born: Duration,
}

impl Time {
    pub(crate) fn now(self) -> Duration {
        self.born + self.base.elapsed()
    }
}
