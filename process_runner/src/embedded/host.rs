//! Which process serves a directory, and how the others find it.
//!
//! # Model
//!
//! Whoever holds the `flock` on the directory's `lock` file is the host: the kernel gives it to one process at a time
//! and takes it back when that process dies, however it dies. What the file *says* is only a hint: the host's pid and
//! where its socket is. A process that wants to use the directory tries, in this order, again and again for a while: take
//! the lock and become host; read the hint and join.
//!
//! ```text
//! try lock -- taken by me --> open the log --> bind the socket --> say so in the lock file --> Host
//!     |
//!   held by another --> hint: serving --> its socket answers --> Guest
//!                             private --> Locked
//!                             starting, stale, or the socket is silent --> wait a little, try again
//! ```
//!
//! # Guarantees
//!
//! At most one host; a socket that answers belongs to a process that held the lock when it bound it. Both directory and
//! socket are for this user alone: the directory has mode 0700, the files 0600, and the host looks at the credentials of
//! every connection and hangs up on other users than itself and root.
//!
//! # Failure
//!
//! A host that hangs keeps the lock; guests then get [`EmbeddedError::HostUnreachable`] with its pid. A host that dies
//! leaves its socket behind; the next host removes it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::time::Instant;

use super::error::EmbeddedError;
use super::{EmbeddedEtcd, EmbeddedOptions};

mod lock;
mod paths;
mod server;

pub(crate) use lock::DirLock;
pub use paths::default_data_dir;

use lock::{Hint, State, Taken};

/// How long to look for the host of a locked directory.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long between two tries.
const PAUSE: Duration = Duration::from_millis(10);

/// How a directory was opened.
#[derive(Debug, Clone)]
pub enum Joined {
    /// This process serves the directory, to itself and over the socket to others.
    Host(EmbeddedEtcd),
    /// Another process serves it: reach it with [`guest_channel`].
    Guest {
        /// Its socket.
        socket: PathBuf,
        /// The process.
        host_pid: Option<u32>,
    },
}

/// A channel to a host's socket. It connects when it is first used, and again after a lost connection.
#[must_use]
pub fn guest_channel(socket: &Path) -> etcd_client::Channel {
    etcd_client::Channel::Tonic(server::connect(socket))
}

/// Becomes the directory's private owner.
pub(super) async fn own(
    dir: &Path,
    options: &EmbeddedOptions,
) -> Result<EmbeddedEtcd, EmbeddedError> {
    match take(dir).await? {
        Taken::Mine(lock) => {
            lock.say(State::Private, None)?;
            EmbeddedEtcd::load(dir, lock, options).await
        }
        Taken::Others(hint) => Err(EmbeddedError::Locked {
            dir: dir.to_owned(),
            pid: hint.pid,
        }),
    }
}

/// Becomes the directory's host, or finds it.
pub(super) async fn own_or_join(
    dir: &Path,
    options: &EmbeddedOptions,
) -> Result<Joined, EmbeddedError> {
    let began = Instant::now();
    loop {
        let hint = match take(dir).await? {
            Taken::Mine(lock) => return host(dir, lock, options).await.map(Joined::Host),
            Taken::Others(hint) => hint,
        };
        if hint.state == State::Private {
            let dir = dir.to_owned();
            return Err(EmbeddedError::Locked { dir, pid: hint.pid });
        }
        if let Some(guest) = join(&hint).await {
            return Ok(guest);
        }
        let waited = began.elapsed();
        if waited > PATIENCE {
            return Err(EmbeddedError::HostUnreachable {
                dir: dir.to_owned(),
                pid: hint.pid,
                waited,
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The host of the directory, if there is one. Hosts nothing itself.
pub(super) async fn find(dir: &Path) -> Result<Option<Joined>, EmbeddedError> {
    if !dir.exists() {
        return Ok(None);
    }
    let began = Instant::now();
    loop {
        // A lock that was free is given back at once: a host that starts meanwhile tries again.
        let hint = match take(dir).await? {
            Taken::Mine(_) => return Ok(None),
            Taken::Others(hint) => hint,
        };
        if let Some(guest) = join(&hint).await {
            return Ok(Some(guest));
        }
        let waited = began.elapsed();
        if waited > PATIENCE {
            let dir = dir.to_owned();
            return Err(EmbeddedError::HostUnreachable {
                dir,
                pid: hint.pid,
                waited,
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn host(
    dir: &Path,
    lock: DirLock,
    options: &EmbeddedOptions,
) -> Result<EmbeddedEtcd, EmbeddedError> {
    lock.say(State::Starting, None)?;
    let socket = paths::socket_for(dir)?;
    let listener = server::bind(&socket)?;
    let announce = lock.try_clone()?;
    let etcd = EmbeddedEtcd::load(dir, lock.with_socket(socket.clone()), options).await?;
    server::serve(&etcd, listener);
    announce.say(State::Serving, Some(&socket))?;
    Ok(etcd)
}

/// Completes when the process that serves this socket does not any more, however it ended. Cancel safe.
pub(crate) async fn end_of_host(socket: &Path) {
    let Ok(mut connection) = UnixStream::connect(socket).await else {
        return;
    };
    // It may greet; nobody answers.
    let mut greeting = [0; 64];
    while connection.read(&mut greeting).await.is_ok_and(|n| n > 0) {}
}

/// The host of a hint, if it answers.
async fn join(hint: &Hint) -> Option<Joined> {
    let socket = hint.socket.clone()?;
    UnixStream::connect(&socket).await.ok()?;
    Some(Joined::Guest {
        socket,
        host_pid: hint.pid,
    })
}

/// Tries to take the lock, off the async threads.
async fn take(dir: &Path) -> Result<Taken, EmbeddedError> {
    let dir = dir.to_owned();
    super::blocking(move || lock::take(&dir)).await
}

/// The lock of a directory that nobody else uses.
#[cfg(test)]
pub(super) fn lock_for_tests(dir: &Path) -> DirLock {
    match lock::take(dir) {
        Ok(Taken::Mine(lock)) => lock,
        _ => panic!("{} is not free", dir.display()),
    }
}
