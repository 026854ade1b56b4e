//! Nothing that a worker process started outlives it: programs in process groups and sessions of
//! their own, daemons, whatever.
//!
//! The guardian is the subreaper of all of them: when the parent of a process dies, the guardian
//! becomes its parent. So killing and reaping the children until there are none gets them all.
//!
//! A process may have had children before it became the guardian, by `exec` in a start script for
//! example. Those are left alone. Their own orphans cannot be told from the worker's, and are not.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use process_runner::command::shim;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait};
use tokio::signal::unix;

/// A killed process that is not dead after this hangs in the kernel.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait for the next death before looking again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The children of this process.
#[derive(Debug)]
pub(super) struct Children {
    /// Process ids of those that were there before: unreaped, so the ids are their own.
    strangers: BTreeSet<i32>,
    died: unix::Signal,
}

/// What could not be killed.
#[derive(Debug)]
pub(super) struct Left(String);

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Children {
    /// To be called before the first one is started, within a runtime.
    pub(super) fn new() -> io::Result<Self> {
        let before = shim::children().unwrap_or_default();
        Ok(Self {
            strangers: before
                .into_iter()
                .map(Pid::as_raw_nonzero)
                .map(i32::from)
                .collect(),
            died: unix::signal(unix::SignalKind::child())?,
        })
    }

    /// Waits for `worker` to die and reaps it, and meanwhile every orphan. Cancel safe.
    pub(super) async fn death_of(&mut self, worker: Pid) -> WaitStatus {
        loop {
            while let Ok(Some((child, status))) = self.reap() {
                if child == worker {
                    return status;
                }
            }
            self.died.recv().await;
        }
    }

    /// Reaps every orphan that dies, for ever. Cancel safe.
    pub(super) async fn reap_orphans(&mut self) {
        loop {
            while let Ok(Some(_)) = self.reap() {}
            self.died.recv().await;
        }
    }

    /// Kills and reaps all that is left, now that the worker process is dead.
    ///
    /// Dropped, some may be left.
    pub(super) async fn end_all(&mut self) -> Result<(), Left> {
        let until = Instant::now() + PATIENCE;
        loop {
            let all_dead = loop {
                match self.reap() {
                    Ok(Some(_)) => {}
                    Ok(None) => break false,
                    Err(error) => break error == Errno::CHILD,
                }
            };
            if all_dead {
                return Ok(());
            }
            let left = match shim::children() {
                Ok(children) => children,
                Err(error) => return Err(Left(format!("they cannot be listed: {error}"))),
            };
            let left: Vec<_> = left
                .into_iter()
                .filter(|pid| !self.is_stranger(*pid))
                .collect();
            if left.is_empty() {
                return Ok(());
            }
            let mut why = "it hangs in the kernel".to_owned();
            for pid in &left {
                if let Err(error) = kill_process(*pid, Signal::KILL) {
                    why = error.to_string();
                }
            }
            if Instant::now() > until {
                let pid = left[0].as_raw_nonzero();
                return Err(Left(format!("process {pid} cannot be killed: {why}")));
            }
            let _ = tokio::time::timeout(LOOK_AGAIN, self.died.recv()).await;
        }
    }

    fn is_stranger(&self, pid: Pid) -> bool {
        self.strangers.contains(&pid.as_raw_nonzero().into())
    }

    /// Reaps one dead child.
    fn reap(&mut self) -> Result<Option<(Pid, WaitStatus)>, Errno> {
        let reaped = wait(WaitOptions::NOHANG)?;
        if let Some((pid, _)) = &reaped {
            self.strangers.remove(&pid.as_raw_nonzero().into());
        }
        Ok(reaped)
    }
}
