//! One run of a program: started, told to stop, killed, reaped.
//!
//! A [`Program`] is the child process of the node, which is the shim, or the program itself where
//! there is no shim. It is never reaped before its whole group has been sent KILL: until then its
//! process id, which is the group's id too, cannot be given to anybody else.
//!
//! Dropped, it kills the run at once and leaves the reaping, which takes a moment, to a short-lived
//! thread. The `oneshot` that `start` returns ends when that is done.

mod bury;
mod outcome;
mod running;

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};
use tokio::net::unix::pipe;
use tokio::signal::unix::{self, SignalKind};
use tokio::sync::oneshot;

use super::shim;
pub(super) use outcome::Outcome;
use running::{Guard, Link, Running};

/// How this node starts programs. One value per node.
#[derive(Debug, Clone, Default)]
pub struct Programs {
    shim: Option<Arc<PathBuf>>,
}

/// What to run.
pub(super) struct Spec {
    /// The program and its arguments; never empty.
    pub(super) argv: Vec<String>,
    /// Variables on top of the node's own.
    pub(super) env: Vec<(String, String)>,
    pub(super) cwd: Option<PathBuf>,
}

impl Programs {
    /// Programs are plain children of the node.
    pub const fn direct() -> Self {
        Self { shim: None }
    }

    /// Programs run under the shim that `executable` becomes when [`shim::main`] is called in it.
    pub fn through(executable: PathBuf) -> Self {
        Self {
            shim: Some(Arc::new(executable)),
        }
    }

    /// Starts a program. The receiver ends when nothing of the run is left.
    pub(super) fn start(&self, spec: &Spec) -> io::Result<(Program, oneshot::Receiver<()>)> {
        let (mut command, link) = match &self.shim {
            Some(executable) => {
                let (ours, theirs) = UnixStream::pair()?;
                let mut command = shim::command(executable, &spec.argv);
                command.stdin(OwnedFd::from(theirs));
                (command, Link::Shim(Some(ours)))
            }
            None => {
                let mut command = Command::new(&spec.argv[0]);
                command.args(&spec.argv[1..]).stdin(Stdio::null());
                (command, Link::Group)
            }
        };
        command.envs(spec.env.iter().map(|(name, value)| (name, value)));
        if let Some(cwd) = &spec.cwd {
            command.current_dir(cwd);
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command
            .process_group(0)
            .spawn()
            .map_err(|error| explain(error, spec))?;
        // The socket's other end must be the child's alone, or its death would go unnoticed.
        drop(command);
        Program::watch(child, link)
    }
}

/// A missing directory and a missing program are the same error to the system.
fn explain(error: io::Error, spec: &Spec) -> io::Error {
    match &spec.cwd {
        Some(cwd) if !cwd.is_dir() => io::Error::new(
            error.kind(),
            format!("`cwd` is {}, and there is no such directory", cwd.display()),
        ),
        _ => error,
    }
}

/// A run in progress.
#[derive(Debug)]
pub(super) struct Program {
    running: Option<Running>,
    pub(super) exit: Exit,
    pub(super) pipes: Pipes,
}

/// Tells when the child is dead.
#[derive(Debug)]
pub(super) struct Exit {
    child: Pid,
    sigchld: unix::Signal,
}

/// What the program writes to.
#[derive(Debug)]
pub(super) struct Pipes {
    pub(super) stdout: pipe::Receiver,
    pub(super) stderr: pipe::Receiver,
}

impl Program {
    fn watch(mut child: Child, link: Link) -> io::Result<(Self, oneshot::Receiver<()>)> {
        let (sender, receiver) = oneshot::channel();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        // From here on an early return kills the child, by the guard's drop.
        let guard = Guard(Some(Running {
            group: Pid::from_child(&child),
            child,
            link,
            _buried: sender,
        }));
        let open = |pipe: Option<OwnedFd>| match pipe {
            Some(pipe) => pipe::Receiver::from_owned_fd(pipe),
            None => Err(io::Error::other("the child has no pipe")),
        };
        let exit = Exit {
            child: guard.group()?,
            sigchld: unix::signal(SignalKind::child())?,
        };
        let pipes = Pipes {
            stdout: open(stdout.map(OwnedFd::from))?,
            stderr: open(stderr.map(OwnedFd::from))?,
        };
        let program = Self {
            running: guard.disarm(),
            exit,
            pipes,
        };
        Ok((program, receiver))
    }

    /// Asks the program to stop: TERM to its group.
    pub(super) fn terminate(&mut self) {
        if let Some(running) = &mut self.running {
            running.terminate();
        }
    }

    /// Kills the run.
    pub(super) fn kill(&mut self) {
        if let Some(running) = &mut self.running {
            running.kill();
        }
    }

    /// Kills a shim that does not do what it is told: that kills the program, if nothing else.
    pub(super) fn kill_shim(&mut self) {
        if let Some(running) = &self.running {
            running.signal(Signal::KILL);
        }
    }

    /// Reaps the run, which has ended, and says how.
    pub(super) fn finish(&mut self) -> Outcome {
        match self.running.take() {
            Some(running) => bury::ended(running),
            None => Outcome::Vanished,
        }
    }
}

impl Exit {
    /// Completes once the child is dead, with [`Program::finish`] left to call. Cancel safe.
    ///
    /// The child is not reaped by that, so that its process id stays its own. This is why it is
    /// no `tokio::process::Child`, which reaps at once.
    pub(super) async fn wait(&mut self) {
        while !self.is_dead() {
            self.sigchld.recv().await;
        }
    }

    fn is_dead(&self) -> bool {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        // An error means that there is no such child any more.
        !matches!(waitid(WaitId::Pid(self.child), look), Ok(None))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(Guard(self.running.take()));
    }
}
