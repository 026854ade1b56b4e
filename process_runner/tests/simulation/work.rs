//! The user's code of the simulation: takes units from the fenced table, works on each for a while,
//! marks it as done, and writes down every step.
//!
//! It behaves as badly as options say: records that take long, errors, tasks on the side that do not
//! listen when they are asked to stop, unlocking that takes its time.

use std::time::Duration;

use process_runner::JobError;
use process_runner::prelude::*;
use tests::history::What;
use tokio::time::sleep;

use super::table::Table;
use super::trace::Pen;

/// What a process gives its workers.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) process: String,
    pub(crate) pen: Pen,
    pub(crate) table: Table,
}

#[job(lock_driver = "etcd")]
pub(crate) struct Work {
    /// How many units an iteration takes at most.
    #[job(default = 2)]
    batch: u64,
    /// How long a unit takes, at most.
    #[job(default = 300)]
    unit_ms: u64,
    /// How long unlocking takes, at most.
    #[job(default = 0)]
    unlock_ms: u64,
    /// How long a task on the side takes, which no stop but the last phase ends.
    #[job(default = 0)]
    aside_ms: u64,
    /// How long preparing takes, at most.
    #[job(default = 0)]
    prepare_ms: u64,
    /// Of a hundred calls, so many fail.
    #[job(default = 0)]
    fails: u32,
    #[job(state)]
    desk: Desk,
    #[job(skip)]
    worker: Option<Worker>,
}

/// Who this is; its drop is the worker's last word.
struct Worker {
    desk: Desk,
    slot: String,
    token: u64,
}

/// A piece of work; its drop is its end.
struct Piece {
    desk: Desk,
    slot: String,
    token: u64,
}

impl Worker {
    fn new(desk: &Desk, cx: &WorkerContext) -> Self {
        let desk = desk.clone();
        let slot = format!("{}@{}", cx.job(), cx.worker_index());
        let token = cx.fence();
        let (process, to) = (desk.process.clone(), slot.clone());
        let acquired = What::Acquired {
            slot: to,
            process,
            token,
        };
        desk.pen.write(acquired);
        Self { desk, slot, token }
    }

    fn begin(&self) -> Piece {
        let desk = self.desk.clone();
        let (slot, process, token) = (self.slot.clone(), desk.process.clone(), self.token);
        desk.pen.write(What::Began {
            slot: slot.clone(),
            process,
            token,
        });
        Piece { desk, slot, token }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let (slot, process) = (self.slot.clone(), self.desk.process.clone());
        let token = self.token;
        let stopped = What::Stopped {
            slot,
            process,
            token,
        };
        self.desk.pen.write(stopped);
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let (slot, process) = (self.slot.clone(), self.desk.process.clone());
        let token = self.token;
        let ended = What::Ended {
            slot,
            process,
            token,
        };
        self.desk.pen.write(ended);
    }
}

impl Work {
    fn worker(&self) -> JobResult<&Worker> {
        self.worker
            .as_ref()
            .ok_or_else(|| JobError::from("not prepared"))
    }

    fn fails(&self) -> bool {
        fastrand::u32(0..100) < self.fails
    }
}

fn up_to(most_ms: u64) -> Duration {
    Duration::from_millis(fastrand::u64(0..=most_ms))
}

impl Job for Work {
    type Record = u64;

    async fn prepare(&mut self, _cx: &WorkerContext) -> JobResult<()> {
        // With `prepare_ahead` the slot may not be here yet, so nothing of it is touched.
        if self.prepare_ms > 0 {
            sleep(up_to(self.prepare_ms)).await;
        }
        Ok(())
    }

    async fn lock_records(&mut self, cx: &WorkerContext) -> JobResult<Vec<u64>> {
        if self.worker.is_none() {
            self.worker = Some(Worker::new(&self.desk, cx));
        }
        let worker = self.worker()?;
        if self.aside_ms > 0 {
            let (piece, time) = (worker.begin(), up_to(self.aside_ms));
            cx.spawn(async move {
                sleep(time).await;
                drop(piece);
            });
        }
        if self.fails() {
            return Err("the table does not answer".into());
        }
        let done = self.desk.table.take(&worker.slot, worker.token);
        let done = done.ok_or_else(|| JobError::from("the fence is too old"))?;
        Ok((done + 1..=done + self.batch).collect())
    }

    async fn process_record(&mut self, cx: &WorkerContext, unit: &u64) -> JobResult<()> {
        let worker = self.worker()?;
        let _piece = worker.begin();
        sleep(up_to(self.unit_ms)).await;
        if self.fails() {
            // Every unit is done in the end: one that fails is not skipped.
            return cx.abort();
        }
        let (slot, token) = (worker.slot.clone(), worker.token);
        let accepted = self.desk.table.commit(&slot, token, *unit);
        let process = self.desk.process.clone();
        let effect = What::Effect {
            slot,
            process,
            token,
            unit: *unit,
            accepted,
        };
        self.desk.pen.write(effect);
        if accepted { Ok(()) } else { cx.abort() }
    }

    async fn unlock_records(&mut self, _cx: &WorkerContext) -> JobResult<()> {
        if self.unlock_ms > 0 {
            // There is no worker if the iteration ended before it locked anything.
            let _piece = self.worker.as_ref().map(Worker::begin);
            sleep(up_to(self.unlock_ms)).await;
        }
        Ok(())
    }
}
