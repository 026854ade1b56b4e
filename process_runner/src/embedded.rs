//! An etcd inside the process: for tests, for library use, and for `pr-cli run` on one machine without a cluster.
//!
//! # Why
//!
//! Everything above speaks to etcd through etcd-client. With this module the same code runs, unchanged, where no etcd is
//! installed, and a whole cluster runs in one test under paused time.
//!
//! # Model
//!
//! ```text
//! etcd_client::Client --Channel::Custom--> service (KV, Lease, Watch, Maintenance) --> node --> store
//! another process     --Unix socket------^                                              '--> wal (durable only)
//! ```
//!
//! `store` is etcd's data model as a pure value. `node` puts it behind a lock and lets nothing out that is not on
//! disk. `service` is the gRPC face. `watch` feeds watchers from history. `wal` keeps the store in a file. `host`
//! decides which process of a machine serves a directory, and the others join it. `faults` makes things go wrong.
//!
//! # Guarantees
//!
//! What a client can tell apart is etcd's: the conformance suite replays recorded and random operations against this
//! and real etcds and compares every reply. What was acknowledged survives a crash; a revision never goes backwards; a
//! restart gives every lease its full time again and raises the raft term. One process at a time serves a directory.
//!
//! # Failure
//!
//! A log that cannot be written stops the server: every call fails with `Unavailable`. A damaged log is never replaced
//! by an empty one: opening it fails and says which file. This is one process on one machine: it is no cluster.

use std::path::Path;
use std::sync::Arc;

use etcd_client::Channel;
use tokio::runtime::Handle;
use tower::ServiceExt as _;
use tower::util::BoxCloneSyncService;

mod board;
mod error;
mod faults;
mod host;
mod node;
mod options;
mod service;
mod store;
#[cfg(test)]
mod tests;
mod wal;
mod watch;

pub use error::EmbeddedError;
pub use faults::{Faults, Link, LostReply};
pub(crate) use host::end_of_host;
pub use host::{Joined, default_data_dir, guest_channel};
pub use options::EmbeddedOptions;

use crate::chance::random_u128;
use faults::Gate;
use node::Node;
use service::Services;
use store::{Identity, Retention, Store};

/// A running embedded etcd. Cheap to clone; the server's tasks end when the last clone and channel are dropped or
/// [`EmbeddedEtcd::shutdown`] is called.
#[derive(Debug, Clone)]
pub struct EmbeddedEtcd {
    life: Arc<Life>,
    /// The gates of the ways that [`EmbeddedEtcd::channels`] hands out; usually there are none.
    ways: Arc<[Arc<Gate>]>,
}

/// Held by every handle and channel; the server ends with the last of them.
#[derive(Debug)]
struct Life {
    node: Arc<Node>,
}

impl Drop for Life {
    fn drop(&mut self) {
        // The log's own thread finishes what it has.
        drop(self.node.stop());
    }
}

impl EmbeddedEtcd {
    /// A server that keeps everything in memory.
    ///
    /// # Panics
    ///
    /// When called outside a tokio runtime.
    #[must_use]
    pub fn in_memory(options: EmbeddedOptions) -> Self {
        let store = Store::new(fresh_identity(), options.min_lease_ttl, retention(&options));
        Self::start(store, None, &options)
    }

    /// Opens the store in `dir`, or creates it, for this process alone.
    ///
    /// Under paused time use [`EmbeddedEtcd::in_memory`]: a paused clock leaps while the runtime waits for the disk.
    ///
    /// # Errors
    ///
    /// When another process uses the directory, when a file in it is damaged or not this program's, or when the system
    /// refuses. Nothing is overwritten then.
    pub async fn open(dir: &Path, options: EmbeddedOptions) -> Result<Self, EmbeddedError> {
        host::own(dir, &options).await
    }

    /// Opens the store in `dir` and serves it on a socket; or, if another process does so already, finds that one.
    ///
    /// # Errors
    ///
    /// As for [`EmbeddedEtcd::open`], and when the other process does not answer within seconds.
    pub async fn open_or_join(
        dir: &Path,
        options: EmbeddedOptions,
    ) -> Result<Joined, EmbeddedError> {
        host::own_or_join(dir, &options).await
    }

    /// Finds the process that serves the store in `dir`, without becoming it. `None` if there is none.
    ///
    /// # Errors
    ///
    /// When the other process does not answer within seconds, or the system refuses.
    pub async fn find_host(dir: &Path) -> Result<Option<Joined>, EmbeddedError> {
        host::find(dir).await
    }

    /// Reads the store of a directory that is locked, and starts.
    async fn load(
        dir: &Path,
        lock: host::DirLock,
        options: &EmbeddedOptions,
    ) -> Result<Self, EmbeddedError> {
        let (dir, log_bytes) = (dir.to_owned(), options.log_bytes);
        let setup = wal::Setup {
            min_ttl: options.min_lease_ttl,
            retention: retention(options),
        };
        let (store, log) =
            blocking(move || wal::open(&dir, lock, setup, fresh_identity)?.start(log_bytes))
                .await?;
        Ok(Self::start(store, Some(log), options))
    }

    fn node(&self) -> &Arc<Node> {
        &self.life.node
    }

    fn start(store: Store, log: Option<wal::Log>, options: &EmbeddedOptions) -> Self {
        let node = Node::start(store, log, Handle::current(), options.progress_interval);
        let life = Arc::new(Life { node });
        let ways = Arc::default();
        Self { life, ways }
    }

    /// A channel to the server, in process, for `etcd_client::Client::from_channel`.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.connect(Gate::new())
    }

    /// A channel that can be cut off, slowed down and so on by itself, to stand for one client among many.
    #[doc(hidden)]
    #[must_use]
    pub fn faulty_channel(&self) -> (Channel, Link) {
        let gate = Gate::new();
        (self.connect(Arc::clone(&gate)), Link::new(gate))
    }

    /// The same server, as one client sees it who reaches it through `members` members: each way has faults of its own.
    #[doc(hidden)]
    #[must_use]
    pub fn through(&self, members: usize) -> (Self, Vec<Link>) {
        let ways: Arc<[_]> = (0..members).map(|_| Gate::new()).collect();
        let links = ways.iter().cloned().map(Link::new).collect();
        let life = Arc::clone(&self.life);
        (Self { life, ways }, links)
    }

    /// One channel for each member that this client knows.
    pub(crate) fn channels(&self) -> Vec<Channel> {
        if self.ways.is_empty() {
            return vec![self.channel()];
        }
        let gates = self.ways.iter().cloned();
        gates.map(|gate| self.connect(gate)).collect()
    }

    /// What can be made to go wrong, for tests.
    #[doc(hidden)]
    #[must_use]
    pub fn faults(&self) -> Faults {
        Faults::new(Arc::clone(&self.life.node))
    }

    /// Stops serving, puts everything on disk and gives the directory free.
    pub async fn shutdown(&self) {
        if let Some(log) = self.life.node.stop() {
            log.close().await;
        }
    }

    fn connect(&self, gate: Arc<Gate>) -> Channel {
        let life = Arc::clone(&self.life);
        let services = Services::new(Arc::clone(&life.node), gate).map_err(|never| match never {});
        let kept = services.map_request(move |request: http::Request<tonic::body::Body>| {
            // The channel keeps the server alive.
            let _ = &life;
            request
        });
        Channel::Custom(BoxCloneSyncService::new(kept))
    }
}

/// Runs what blocks on the disk off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down; nobody will miss the answer.
            Err(_) => std::future::pending().await,
        },
    }
}

fn retention(options: &EmbeddedOptions) -> Retention {
    Retention {
        revisions: options.history_revisions.max(1),
        bytes: options.history_bytes,
    }
}

/// Random ids, so that a new store is never taken for an old one.
fn fresh_identity() -> Identity {
    let random = || random_u128() as u64 | 1;
    Identity {
        cluster_id: random(),
        member_id: random(),
    }
}
