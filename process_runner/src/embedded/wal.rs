//! The write-ahead log: the store in one file.
//!
//! # Model
//!
//! A log file is a snapshot of the store followed by frames, each the steps of one or more commits ([`frame`],
//! [`codec`]). The server appends under its lock, in the order it works; the log's thread writes and syncs
//! ([`writer`]), then publishes how far the outside may see. A file that has outgrown its contents is replaced by a new
//! one that begins with a fresh snapshot ([`snapshot`], [`file`]).
//!
//! # Guarantees
//!
//! What was published is on disk. Opening yields exactly what was synced, plus at most a write that was under way, whole
//! or not at all. Damage is refused, never repaired by forgetting. Renewals of leases are not written: a restart gives
//! every lease its full time. Nothing is written when nothing changes.
//!
//! # Failure
//!
//! After a failed write or sync nobody knows what the disk holds, so the log is not tried again: the server fails every
//! call until the process starts anew and reads the file.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::board;
use super::error::EmbeddedError;
use super::host::DirLock;
use super::node::Published;
use super::store::{Identity, Record, Store};

mod codec;
mod file;
mod frame;
mod snapshot;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use snapshot::Setup;
use snapshot::Snapshot;
use writer::{Queue, Writer};

/// The server's end of the log.
#[derive(Debug)]
pub(crate) struct Log {
    queue: Arc<Queue>,
    published: Arc<board::Sender<Published>>,
    done: Option<oneshot::Receiver<()>>,
    /// The lock file, opened once more.
    sentinel: File,
    /// How much was appended since the last rewrite, and how much may be.
    grown: u64,
    allowance: u64,
}

/// A store read from a directory, with its log at hand.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) store: Store,
    file: file::LogFile,
    lock: DirLock,
}

/// Reads the directory's store, or creates one with the given identity. The raft term is one more than ever before.
/// Blocks on the disk.
pub(crate) fn open(
    dir: &Path,
    lock: DirLock,
    setup: Setup,
    fresh: impl FnOnce() -> Identity,
) -> Result<Opened, EmbeddedError> {
    if let Some((path, generation)) = file::find(dir)? {
        let (mut store, mut file) = file::load(&path, generation, setup)?;
        store.change_leader(std::time::Duration::ZERO);
        let mut payload = Vec::new();
        for record in store.take_journal() {
            codec::write_record(&mut payload, &record);
        }
        file.append(&payload)
            .map_err(EmbeddedError::io("write", &path))?;
        return Ok(Opened { store, file, lock });
    }
    let store = Store::new(fresh(), setup.min_ttl, setup.retention);
    let (contents, number) = Snapshot::of(&store).encode();
    let file =
        file::create(dir, 1, &contents, number).map_err(EmbeddedError::io("write in", dir))?;
    Ok(Opened { store, file, lock })
}

impl Opened {
    /// Starts the log's thread.
    pub(crate) fn start(self, log_bytes: u64) -> Result<(Store, Log), EmbeddedError> {
        let Self { store, file, lock } = self;
        let queue = Arc::new(Queue::default());
        let published = Arc::new(board::Sender::new(Published::start(store.revision())));
        let (done, ended) = oneshot::channel();
        let (grown, path) = (file.bytes, file.path.clone());
        let sentinel = lock.sentinel()?;
        let writer = Writer {
            queue: Arc::clone(&queue),
            log: file,
            published: Arc::clone(&published),
            lock,
            done,
        };
        std::thread::Builder::new()
            .name("etcd-log".to_owned())
            .spawn(move || writer.run())
            .map_err(EmbeddedError::io("start a thread for", &path))?;
        let log = Log {
            queue,
            published,
            done: Some(ended),
            sentinel,
            grown,
            allowance: log_bytes,
        };
        Ok((store, log))
    }
}

impl Log {
    pub(crate) fn published(&self) -> Arc<board::Sender<Published>> {
        Arc::clone(&self.published)
    }

    /// Whether the lock file is still in its directory. Where it was deleted another process may make a new store, and
    /// then there must not be two.
    pub(crate) fn in_place(&self) -> bool {
        self.sentinel.metadata().is_ok_and(|file| file.nlink() > 0)
    }

    /// Queues the steps that led to `store` as it is now.
    pub(crate) fn append(&mut self, records: &[Record], step: u64, store: &Store) {
        let mut pending = self.queue.lock();
        let before = pending.payload.len();
        for record in records {
            codec::write_record(&mut pending.payload, record);
        }
        self.grown += (pending.payload.len() - before) as u64;
        if self.grown > self.allowance.max(pending.compact_bytes) {
            self.grown = 0;
            pending.snapshot = Some(Snapshot::of(store));
            pending.payload.clear();
        }
        pending.step = step;
        pending.revision = store.revision();
        drop(pending);
        self.queue.wake();
    }

    /// Waits until everything is on disk and the directory is free.
    pub(crate) async fn close(mut self) {
        self.end();
        if let Some(done) = self.done.take() {
            // An error means the thread is gone already.
            let _ = done.await;
        }
    }

    fn end(&self) {
        self.queue.lock().closed = true;
        self.queue.wake();
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.end();
    }
}
