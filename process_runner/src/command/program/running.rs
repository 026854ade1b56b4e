//! The child process of a run: who it is, how it is told to stop, and that nobody forgets it.

use std::io;
use std::os::unix::net::UnixStream;
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::sync::oneshot;

use super::bury;
use crate::command::shim;

/// How the run is told to stop.
#[derive(Debug)]
pub(super) enum Link {
    /// Over the shim's socket. Closing it kills the run.
    Shim(Option<UnixStream>),
    /// By signals to the group that the child leads.
    Group,
}

/// What must be reaped, whoever does it.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) child: Child,
    pub(super) group: Pid,
    pub(super) link: Link,
    /// Dropped last, after the child is reaped.
    pub(super) _buried: oneshot::Sender<()>,
}

impl Running {
    pub(super) fn terminate(&mut self) {
        match &mut self.link {
            Link::Shim(Some(socket)) => shim::ask_to_terminate(socket),
            Link::Shim(None) => {}
            Link::Group => {
                self.signal(Signal::TERM);
                // A stopped program cannot react.
                self.signal(Signal::CONT);
            }
        }
    }

    pub(super) fn kill(&mut self) {
        match &mut self.link {
            // The shim keeps its end for the report, so only this direction is closed.
            Link::Shim(Some(socket)) => {
                let _ = socket.shutdown(std::net::Shutdown::Write);
            }
            Link::Shim(None) => {}
            Link::Group => self.signal(Signal::KILL),
        }
    }

    pub(super) fn signal(&self, signal: Signal) {
        // It fails if the whole group is dead already, and then it has done its work.
        let _ = kill_process_group(self.group, signal);
    }
}

/// Kills and buries what it holds unless it is disarmed.
pub(super) struct Guard(pub(super) Option<Running>);

impl Guard {
    pub(super) fn group(&self) -> io::Result<Pid> {
        let running = self.0.as_ref();
        running
            .map(|running| running.group)
            .ok_or_else(|| io::Error::other("no child"))
    }

    pub(super) fn disarm(mut self) -> Option<Running> {
        self.0.take()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(mut running) = self.0.take() {
            running.kill();
            bury::later(running);
        }
    }
}
