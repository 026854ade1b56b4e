//! A job that does nothing until it is stopped, and says when it begins and ends.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use process_runner::prelude::*;
use tokio::sync::Notify;

/// What the workers of all nodes have in common.
#[derive(Clone, Default)]
pub(crate) struct Marks(Arc<Inner>);

#[derive(Default)]
struct Inner {
    begun: AtomicU64,
    ended: AtomicU64,
    running: AtomicU64,
    /// So many running workers are waited for, if that is a number; any change otherwise.
    awaited: AtomicU64,
    /// When a worker last ended, and when one last began, on which node.
    last_end: Mutex<Option<Instant>>,
    last_begin: Mutex<Option<(Instant, String)>>,
    changed: Notify,
}

impl Marks {
    /// Workers that began, ever.
    pub(crate) fn begun(&self) -> u64 {
        self.0.begun.load(Ordering::Acquire)
    }

    /// Workers that run now.
    pub(crate) fn running(&self) -> u64 {
        self.0.running.load(Ordering::Acquire)
    }

    /// When a worker last began, and on which node.
    pub(crate) fn last_begin(&self) -> Option<(Instant, String)> {
        let last = self.0.last_begin.lock();
        last.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// When a worker last ended.
    pub(crate) fn last_end(&self) -> Option<Instant> {
        *self
            .0
            .last_end
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until so many workers run. Nobody is woken before: a hundred thousand times it would be
    /// work that the machines of a real cluster do not have.
    /// False if that takes longer than `patience`.
    pub(crate) async fn until_running(&self, workers: u64, patience: Duration) -> bool {
        self.0.awaited.store(workers, Ordering::Release);
        let all = self.until(|marks| marks.running() == workers);
        let all = tokio::time::timeout(patience, all).await.is_ok();
        self.0.awaited.store(0, Ordering::Release);
        all
    }

    /// Waits until `is_it` holds.
    pub(crate) async fn until(&self, is_it: impl Fn(&Self) -> bool) {
        loop {
            let changed = self.0.changed.notified();
            if is_it(self) {
                return;
            }
            changed.await;
        }
    }
}

impl Inner {
    /// Wakes whoever waits for this.
    fn tell(&self) {
        let awaited = self.awaited.load(Ordering::Acquire);
        let running = self.running.load(Ordering::Acquire);
        if awaited == 0 || running == awaited {
            self.changed.notify_waiters();
        }
    }
}

/// A worker that runs, until it is dropped, as it is when its node loses the lease, too.
struct Running<'m>(&'m Inner);

impl<'m> Running<'m> {
    fn begin(marks: &'m Inner) -> Self {
        marks.running.fetch_add(1, Ordering::AcqRel);
        Self(marks)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
        self.0.tell();
    }
}

#[job(lock_driver = "etcd")]
pub(crate) struct Still {
    #[job(state)]
    marks: Marks,
}

impl Job for Still {
    type Record = ();

    async fn lock_records(&mut self, cx: &WorkerContext) -> JobResult<Vec<()>> {
        let marks = &self.marks.0;
        let begin = (Instant::now(), cx.node().to_owned());
        *marks
            .last_begin
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(begin);
        marks.begun.fetch_add(1, Ordering::AcqRel);
        let _running = Running::begin(marks);
        marks.tell();
        cx.stopping().await;
        Ok(Vec::new())
    }

    async fn process_record(&mut self, _cx: &WorkerContext, _record: &()) -> JobResult<()> {
        Ok(())
    }

    async fn unlock_records(&mut self, _cx: &WorkerContext) -> JobResult<()> {
        let marks = &self.marks.0;
        *marks
            .last_end
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        marks.ended.fetch_add(1, Ordering::AcqRel);
        marks.tell();
        Ok(())
    }
}
