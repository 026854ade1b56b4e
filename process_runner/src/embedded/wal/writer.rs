//! The log's own thread: takes what has gathered, writes it as one frame, syncs, says so.
//!
//! While a sync runs, further steps gather; the next sync carries them all. So many writers share one fsync, and a lone
//! writer waits for exactly one. When the file has grown far beyond what it describes, the thread writes a new one that
//! begins with a snapshot, in the same place of the order.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::super::board;
use super::super::host::DirLock;
use super::super::node::Published;
use super::file::LogFile;
use super::frame;
use super::snapshot::Snapshot;

/// What waits to be written.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// A new file is to begin with this. It contains everything before `payload`.
    pub(super) snapshot: Option<Snapshot>,
    pub(super) payload: Vec<u8>,
    pub(super) step: u64,
    pub(super) revision: i64,
    pub(super) closed: bool,
    /// The file's size after a rewrite, for who decides about the next.
    pub(super) compact_bytes: u64,
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.payload.is_empty() && self.snapshot.is_none()
    }
}

/// Where the server leaves what is to be written.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pending: Mutex<Pending>,
    filled: Condvar,
}

impl Queue {
    pub(super) fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wake(&self) {
        self.filled.notify_one();
    }

    /// Waits for something to write; `None` at the end.
    fn take(&self) -> Option<Pending> {
        let mut pending = self.lock();
        while pending.is_empty() && !pending.closed {
            pending = self
                .filled
                .wait(pending)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if pending.is_empty() {
            return None;
        }
        Some(Pending {
            snapshot: pending.snapshot.take(),
            payload: std::mem::take(&mut pending.payload),
            step: pending.step,
            revision: pending.revision,
            closed: pending.closed,
            compact_bytes: 0,
        })
    }
}

/// The thread's part.
pub(super) struct Writer {
    pub(super) queue: Arc<Queue>,
    pub(super) log: LogFile,
    pub(super) published: Arc<board::Sender<Published>>,
    /// Released when everything is on disk.
    pub(super) lock: DirLock,
    pub(super) done: oneshot::Sender<()>,
}

impl Writer {
    /// Runs until the queue is closed and empty, or the disk fails.
    pub(super) fn run(mut self) {
        while let Some(pending) = self.queue.take() {
            let (step, revision) = (pending.step, pending.revision);
            if let Err(error) = self.write(pending) {
                let reason = format!("{}: {error}", self.log.path.display());
                tracing::error!(%reason, "the embedded etcd cannot write its log and stops");
                self.published
                    .send_modify(|now| now.failed = Some(reason.into()));
                break;
            }
            self.published.send_modify(|now| {
                now.step = step;
                now.revision = revision;
            });
        }
        drop(self.lock);
        // Nobody waits if the server was just dropped.
        let _ = self.done.send(());
    }

    fn write(&mut self, pending: Pending) -> std::io::Result<()> {
        let Some(snapshot) = pending.snapshot else {
            return self.log.append(&pending.payload);
        };
        let (mut contents, mut number) = snapshot.encode();
        self.queue.lock().compact_bytes = contents.len() as u64;
        if !pending.payload.is_empty() {
            frame::write(&mut contents, &pending.payload, number);
            number += 1;
        }
        self.log.replace(&contents, number)
    }
}
