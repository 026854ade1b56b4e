//! The main example: a table as a queue, drained by workers on any number of nodes.
//!
//! A record is a file; processing it computes its SHA-256 and its size and stores both with the
//! record. The queue is a table in SQLite, or in PostgreSQL if `DATABASE_URL` says so, and is
//! filled from a tree of files when the job starts.
//!
//! ```text
//! prepare          shut out earlier holders of the slot, fill the queue (once per process)
//! lock_records     lock a batch: one transaction
//! process_record   hash one file, remember the result     (results are written 64 at a time)
//! unlock_records   write the results, release the rest
//! quarantine       remember the reason instead of a result
//! ```
//!
//! # How it fails
//!
//! - **A file cannot be read.** Its record is marked failed, with the reason; the others go on.
//! - **The database is away.** No record is blamed: the worker repeats until it answers.
//! - **The process dies.** Results not yet written are lost, and their records are still locked,
//!   so the next holder of the worker index does them again: at least once.
//! - **The slot is lost.** Every write checks the fence of this holding in its own transaction, so
//!   once the next holder has begun, a late one is refused.

pub mod digest;
pub mod store;
pub mod sums;
pub mod tree;

use std::io::{self, ErrorKind};
use std::path::PathBuf;

use process_runner::JobError;
use process_runner::prelude::*;

use digest::Digest;
use store::{Holder, Outcome, QueueRecord, Store, StoreError};

/// Hashes the files of a tree, each once, whatever dies meanwhile.
#[job(lock_driver = "etcd")]
pub struct ProcessQueue {
    /// The tree whose files are processed.
    #[job(default = tree::unpacked_dependencies())]
    source: PathBuf,
    /// How many records a worker locks at a time.
    #[job(default = 256)]
    batch_size: u32,
    /// How many results are written together. A crash repeats at most as many records.
    #[job(default = 64)]
    write_size: usize,
    #[job(state)]
    store: Store,
    /// Results that are not written yet.
    #[job(skip)]
    outcomes: Vec<Outcome>,
}

impl Job for ProcessQueue {
    type Record = QueueRecord;

    async fn prepare(&mut self, cx: &WorkerContext) -> JobResult<()> {
        self.store.advance(holder(cx)).await?;
        let added = self.store.fill_once(cx.job(), &self.source).await?;
        if added > 0 {
            tracing::info!(added, source = %self.source.display(), "filled the queue");
        }
        Ok(())
    }

    async fn lock_records(&mut self, cx: &WorkerContext) -> JobResult<Vec<QueueRecord>> {
        // Left over only if the last iteration could not write them.
        self.write_outcomes(cx).await?;
        Ok(self.store.lock(holder(cx), self.batch_size).await?)
    }

    async fn process_record(&mut self, cx: &WorkerContext, record: &QueueRecord) -> JobResult<()> {
        if self.outcomes.len() >= self.write_size {
            // Not this record's fault: the database may be away as long as it likes.
            self.write_outcomes(cx).await.map_err(JobError::retry)?;
        }
        let digest = Digest::of_file(&record.path, || cx.progress())
            .await
            .map_err(unreadable)?;
        self.outcomes.push(Outcome {
            id: record.id,
            result: Ok(digest),
        });
        Ok(())
    }

    async fn unlock_records(&mut self, cx: &WorkerContext) -> JobResult<()> {
        self.write_outcomes(cx).await?;
        self.store.unlock(holder(cx)).await?;
        Ok(())
    }

    async fn quarantine(
        &mut self,
        _cx: &WorkerContext,
        record: &QueueRecord,
        error: &JobError,
    ) -> JobResult<()> {
        self.outcomes.push(Outcome {
            id: record.id,
            result: Err(error.to_string()),
        });
        Ok(())
    }
}

impl ProcessQueue {
    /// Writes the results so far, in one transaction. If that fails they are kept for the next time.
    async fn write_outcomes(&mut self, cx: &WorkerContext) -> Result<(), StoreError> {
        let ours = self.store.complete(holder(cx), &self.outcomes).await?;
        let others = self.outcomes.len() as u64 - ours;
        if others > 0 {
            tracing::warn!(
                others,
                "some records were not locked by this worker any more"
            );
        }
        self.outcomes.clear();
        Ok(())
    }
}

fn holder(cx: &WorkerContext) -> Holder<'_> {
    Holder {
        job: cx.job(),
        worker: cx.worker_index(),
        fence: cx.fence(),
    }
}

/// A file that is gone, or closed to us, will not come back by asking again.
fn unreadable(error: io::Error) -> JobError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::PermissionDenied => JobError::permanent(error),
        _ => error.into(),
    }
}
