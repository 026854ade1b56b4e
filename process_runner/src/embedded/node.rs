//! The server around the store: one lock, one clock, one rule about what may leave.
//!
//! # Model
//!
//! Calls run one at a time under a lock, each to its end. What a call changed goes to the write-ahead log in the same
//! order. **Nothing leaves the server before everything it could have seen is on disk**: a reply waits until the log has
//! synced up to the moment of the call, and watches are fed only up to the synced revision. So a state that a crash
//! takes back was never seen by anybody, and a revision never goes backwards.
//!
//! ```text
//! call --> gate --> lock { store; journal -> log } --> wait for `published` --> gate --> reply
//!                                 log's thread: write, fsync --^      '--> watch streams read the store's history
//! ```
//!
//! A call runs in a task of its own on the server's runtime: a client that gives up does not undo what it sent.
//!
//! # Failure
//!
//! When the log cannot be written, the state in memory is ahead of the disk and must not be shown: every call then
//! fails with `Unavailable` until the process starts again.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::Instant;
use tonic::Status;

use super::board;
use super::faults::Gate;
use super::store::{KeyRange, Refusal, Store};
use super::wal::Log;

mod expiry;

/// How far the outside may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Published {
    /// The last step that is safe.
    pub(crate) step: u64,
    /// The revision after it.
    pub(crate) revision: i64,
    /// Why nothing will ever be safe again.
    pub(crate) failed: Option<Arc<str>>,
}

/// The part under the lock.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) store: Store,
    backing: Backing,
    step: u64,
    origin: Instant,
    skew: Duration,
}

/// Where changes go.
#[derive(Debug)]
enum Backing {
    Memory,
    Disk(Log),
    Stopped,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Node {
    core: Mutex<Core>,
    published: Arc<board::Sender<Published>>,
    gate: Arc<Gate>,
    stopped: board::Sender<bool>,
    runtime: Handle,
    expiry_moved: Notify,
    progress_interval: Duration,
}

impl Node {
    /// Starts the server on the current runtime.
    pub(crate) fn start(
        store: Store,
        log: Option<Log>,
        runtime: Handle,
        progress_interval: Duration,
    ) -> Arc<Self> {
        let published = match &log {
            Some(log) => log.published(),
            None => Arc::new(board::Sender::new(Published::start(store.revision()))),
        };
        let node = Arc::new(Self {
            core: Mutex::new(Core {
                store,
                backing: log.map_or(Backing::Memory, Backing::Disk),
                step: 0,
                origin: Instant::now(),
                skew: Duration::ZERO,
            }),
            published,
            gate: Gate::new(),
            stopped: board::Sender::new(false),
            runtime,
            expiry_moved: Notify::new(),
            progress_interval,
        });
        expiry::spawn(&node);
        node
    }

    /// The part under the lock. A call that panicked under it may have left half a write, which nobody may see: then the
    /// server has failed.
    pub(crate) fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(|poisoned| {
            self.published.send_if_modified(|now| {
                let first = now.failed.is_none();
                now.failed.get_or_insert("a call panicked".into());
                first
            });
            poisoned.into_inner()
        })
    }

    pub(crate) fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// How often watchers that asked for it are told about progress.
    pub(crate) fn progress_interval(&self) -> Duration {
        self.progress_interval
    }

    /// A view of what is published, for watch streams.
    pub(crate) fn subscribe(&self) -> board::Receiver<Published> {
        self.published.subscribe()
    }

    /// Ends when the server stops.
    pub(crate) async fn stopped(&self) {
        // The sender is `self`, so this only ends with the value.
        let _ = self.stopped.subscribe().wait_for(|stopped| *stopped).await;
    }

    /// Does what may wait for long, unless the server stops.
    pub(crate) async fn unless_stopped<T>(
        &self,
        work: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, Status> {
        tokio::select! {
            biased;
            result = work => result,
            () = self.stopped() => Err(gone()),
        }
    }

    /// Loses everything, as an etcd whose data directory was deleted: an empty store at revision 1, in term 1. Says
    /// whether it did; a store on disk cannot be lost this way.
    pub(crate) fn wipe(&self, keep_ids: bool) -> bool {
        let mut core = self.core();
        let Core { store, backing, .. } = &mut *core;
        if !matches!(backing, Backing::Memory) {
            return false;
        }
        store.wipe(keep_ids);
        core.step += 1;
        let (step, revision) = (core.step, core.store.revision());
        self.published.send_modify(|now| {
            now.step = step;
            now.revision = revision;
        });
        true
    }

    /// Why no call can be answered, if so.
    pub(crate) fn refusal(&self) -> Option<Status> {
        if *self.stopped.borrow() {
            return Some(gone());
        }
        self.published.borrow().refusal()
    }

    /// Runs a call: a task of the server's own that waits at the gates, works under the lock, and answers when what it
    /// saw is safe.
    pub(crate) async fn call<T, F>(
        self: &Arc<Self>,
        link: &Arc<Gate>,
        kind: Kind,
        work: F,
    ) -> Result<T, Status>
    where
        T: Send + 'static,
        F: FnOnce(&mut Store, Duration) -> Result<T, Refusal> + Send + 'static,
    {
        let (node, link) = (Arc::clone(self), Arc::clone(link));
        let task = self.runtime.spawn(async move {
            let gates = [&link, &node.gate];
            node.unless_stopped(async {
                for gate in gates {
                    gate.admit().await?;
                    gate.quorum().await;
                }
                Ok(())
            })
            .await?;
            let reply = node.settle(work).await?;
            node.unless_stopped(async {
                for gate in gates {
                    gate.release_reply(kind).await?;
                }
                Ok(())
            })
            .await?;
            reply.map_err(super::service::status)
        });
        task.await.unwrap_or_else(|error| {
            if error.is_panic() {
                // Looks at the lock, and finds out whether the panic happened under it.
                drop(self.core());
            }
            Err(gone())
        })
    }

    /// Does `work` under the lock and waits until its outcome is safe to show.
    pub(crate) async fn settle<T>(
        &self,
        work: impl FnOnce(&mut Store, Duration) -> T,
    ) -> Result<T, Status> {
        self.check_place();
        if let Some(status) = self.refusal() {
            return Err(status);
        }
        let (value, step) = self.change(work);
        let mut published = self.published.subscribe();
        let safe = published
            .wait_for(|now| now.step >= step || now.refusal().is_some())
            .await;
        match safe {
            Ok(now) if now.step >= step => Ok(value),
            Ok(now) => Err(now.refusal().unwrap_or_else(gone)),
            Err(_) => Err(gone()),
        }
    }

    /// Fails the server when its directory was deleted under it.
    fn check_place(&self) {
        let in_place = match &self.core().backing {
            Backing::Disk(log) => log.in_place(),
            Backing::Memory | Backing::Stopped => true,
        };
        if !in_place {
            self.published.send_modify(|now| {
                now.failed = Some("its data directory was deleted".into());
            });
        }
    }

    /// Does `work` under the lock at once; what it changed is safe when the returned step is published.
    pub(crate) fn change<T>(&self, work: impl FnOnce(&mut Store, Duration) -> T) -> (T, u64) {
        let mut core = self.core();
        let now = core.now();
        let value = work(&mut core.store, now);
        let granted = core.journal(&self.published);
        let step = core.step;
        drop(core);
        if granted {
            self.expiry_moved.notify_one();
        }
        (value, step)
    }

    /// Makes the clock leap.
    pub(crate) fn skew_clock(&self, ahead: Duration) {
        let mut core = self.core();
        core.skew += ahead;
        drop(core);
        self.expiry_moved.notify_one();
    }

    /// Stops answering; what was accepted goes on to disk.
    pub(crate) fn stop(&self) -> Option<Log> {
        self.stopped.send_modify(|stopped| *stopped = true);
        let mut core = self.core();
        match std::mem::replace(&mut core.backing, Backing::Stopped) {
            Backing::Disk(log) => Some(log),
            Backing::Memory | Backing::Stopped => None,
        }
    }
}

fn gone() -> Status {
    Status::unavailable("etcdserver: server stopped")
}

/// Whether losing the reply of a call can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Write,
}

impl Published {
    /// A server that has just started with everything on disk.
    pub(crate) fn start(revision: i64) -> Self {
        Self {
            step: 0,
            revision,
            failed: None,
        }
    }

    /// Why no call can be answered, if so.
    fn refusal(&self) -> Option<Status> {
        let reason = self.failed.as_ref()?;
        Some(Status::unavailable(format!(
            "etcdserver: embedded store failed: {reason}"
        )))
    }
}

impl Core {
    /// The server's time, as the store counts it.
    pub(crate) fn now(&self) -> Duration {
        self.origin.elapsed() + self.skew
    }

    pub(crate) fn live_keys(&self) -> usize {
        let everything = KeyRange::new(&[0], &[0]);
        self.store
            .space()
            .scan(everything, self.store.revision())
            .count()
    }

    /// Hands what changed to the log, or publishes it at once. Says whether leases changed.
    fn journal(&mut self, published: &board::Sender<Published>) -> bool {
        let records = self.store.take_journal();
        if records.is_empty() {
            return false;
        }
        let granted = records.iter().any(super::store::Record::grants_lease);
        self.step += 1;
        let revision = self.store.revision();
        match &mut self.backing {
            Backing::Disk(log) => log.append(&records, self.step, &self.store),
            Backing::Memory => {
                let step = self.step;
                published.send_modify(|now| {
                    now.step = step;
                    now.revision = revision;
                });
            }
            // A call that came too late: nobody may see what it did.
            Backing::Stopped => {
                published.send_modify(|now| now.failed = Some("server stopped".into()));
            }
        }
        granted
    }
}
