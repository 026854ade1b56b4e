//! The embedded etcd in a process that supervises nodes, where their workers cannot take it down.
//!
//! ```text
//! begin --> the store is free  --> Host: served over its socket, to the supervised process too
//!      `--> another serves it  --> Guest: waits for that one's end, then takes its place
//! ```
//!
//! The end of a host is noticed by a connection to its socket that says nothing: the kernel closes it
//! however that process dies.
//!
//! # How it fails
//!
//! A store that cannot be opened is an error of [`Hosting::begin`], and is left as it is. The node tries
//! it as well and says the same: whoever wants to hear of it once leaves that to the node. A host that
//! hangs keeps its place.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::connect::data_dir;
use crate::config::Coordination;
use crate::embedded::{EmbeddedError, EmbeddedEtcd, EmbeddedOptions, Joined, end_of_host};

/// Between two attempts to take the place of a host.
const PAUSE: Duration = Duration::from_secs(1);

/// This process's part in serving an embedded etcd.
///
/// ```
/// # use process_runner::config::Coordination;
/// use process_runner::supervision::{Hosting, HostingError};
///
/// async fn supervise(coordination: &Coordination) -> Result<(), HostingError> {
///     let hosting = Hosting::begin(coordination).await?;
///     // Start the process of the node, wait for its end, start it again...
///     if let Some(hosting) = hosting {
///         hosting.end().await;
///     }
///     Ok(())
/// }
/// ```
///
/// Dropped, it ends the server; [`Hosting::end`] does so in order.
#[derive(Debug)]
pub struct Hosting {
    dir: PathBuf,
    /// What this process serves, if it does.
    hosted: Arc<Mutex<Option<EmbeddedEtcd>>>,
    /// Waits for the end of another host.
    successor: Option<JoinHandle<()>>,
}

/// Why the embedded etcd cannot be served.
#[derive(Debug)]
pub struct HostingError(EmbeddedError);

impl fmt::Display for HostingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for HostingError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl Hosting {
    /// Serves the embedded etcd that `coordination` names, or finds who does. `None` if it names a
    /// cluster of its own. Serves on the runtime that this is called in.
    ///
    /// # Errors
    ///
    /// When the store is damaged or kept by a process that does not answer, or the system refuses.
    ///
    /// # Cancellation
    ///
    /// Dropped, it leaves at most an empty store behind.
    pub async fn begin(coordination: &Coordination) -> Result<Option<Self>, HostingError> {
        let Coordination::Embedded(config) = coordination else {
            return Ok(None);
        };
        let dir = data_dir(config);
        let hosted = Arc::default();
        let successor = match open_or_join(&dir).await? {
            Joined::Host(etcd) => {
                *lock(&hosted) = Some(etcd);
                None
            }
            Joined::Guest { socket, .. } => {
                let succeed = succeed(dir.clone(), socket, Arc::clone(&hosted));
                Some(tokio::spawn(succeed))
            }
        };
        Ok(Some(Self {
            dir,
            hosted,
            successor,
        }))
    }

    /// True if it is this store that `coordination` names.
    #[must_use]
    pub fn serves(&self, coordination: &Coordination) -> bool {
        matches!(coordination, Coordination::Embedded(config) if data_dir(config) == self.dir)
    }

    /// Stops serving: puts everything on disk and leaves the place to somebody else.
    ///
    /// # Cancellation
    ///
    /// Dropped, the server ends all the same; what was acknowledged is on disk.
    pub async fn end(mut self) {
        if let Some(successor) = self.successor.take() {
            successor.abort();
            // Aborted, or it has done its work.
            let _ = successor.await;
        }
        let hosted = lock(&self.hosted).take();
        if let Some(hosted) = hosted {
            hosted.shutdown().await;
        }
    }
}

impl Drop for Hosting {
    fn drop(&mut self) {
        if let Some(successor) = &self.successor {
            successor.abort();
        }
    }
}

fn lock(hosted: &Mutex<Option<EmbeddedEtcd>>) -> MutexGuard<'_, Option<EmbeddedEtcd>> {
    hosted.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the place of one host after the other, until none is before this process.
async fn succeed(dir: PathBuf, mut socket: PathBuf, hosted: Arc<Mutex<Option<EmbeddedEtcd>>>) {
    loop {
        end_of_host(&socket).await;
        match open_or_join(&dir).await {
            Ok(Joined::Host(etcd)) => {
                tracing::info!("the host of the embedded etcd ended; this process hosts it now");
                *lock(&hosted) = Some(etcd);
                return;
            }
            Ok(Joined::Guest { socket: next, .. }) => socket = next,
            Err(error) => {
                tracing::error!(%error, "the embedded etcd has no host; trying again");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn open_or_join(dir: &Path) -> Result<Joined, HostingError> {
    EmbeddedEtcd::open_or_join(dir, EmbeddedOptions::default())
        .await
        .map_err(HostingError)
}
