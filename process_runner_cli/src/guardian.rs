//! The guardian: what `pr-cli run` is to begin with, a small parent that proves its worker process
//! dead and frees at once what that one had.
//!
//! ```text
//! guardian --- socket: lease, deadline, suspended; stop, quiet, ... --- worker process --- programs
//!    |                                                                       |
//!    | wait: it is dead                                                      x
//!    | kill and reap whatever it started, until nothing is left
//!    | revoke its lease --> etcd: its slots go to other nodes within milliseconds
//!    `- start another one
//! ```
//!
//! The worker process is this very executable, started again with [`WORKER`] in front of the same
//! arguments. It is in the process group of the guardian, so that the terminal treats both as one;
//! what a signal asks for counts once, whichever of them it reaches (see `words`).
//!
//! The embedded etcd is served here, and not by the worker process (see `embedded`).
//!
//! # Guarantees
//!
//! - A lease is revoked only when the worker process was reaped and no descendant of it is left: not
//!   a program in a process group of its own, nor a daemon.
//! - A worker process that is stopped or wedged past the deadline of its lease is killed before
//!   anybody else can have its slots. One that has said that it is suspended is not.
//! - `run` ends with the exit code of its worker process, unless that one crashed: then another one
//!   is started, with a growing delay if it goes on.
//! - Nothing is orphaned. A guardian that dies takes nothing with it: its worker process notices,
//!   drains and ends. As the first process of a container it reaps what others leave.
//!
//! # How it fails
//!
//! What it cannot kill (a program of another user, one that hangs in the kernel), or cannot revoke
//! (etcd is away), it says, and leaves the lease to run out by itself, or to the next worker process,
//! which revokes it when it starts.

mod attend;
mod bury;
mod descendants;
mod embedded;
mod link;
mod restarts;
mod ward;
mod watchdog;
mod words;
mod worker;

use std::ffi::{OsStr, OsString};
use std::io;
use std::time::Duration;

use process_runner::Clock;
use process_runner::config::Coordination;
use process_runner::supervision::{Hosting, Predecessors};
use rustix::process::{getpid, set_child_subreaper};
use tokio::runtime::Builder;

use crate::args::RunArgs;
use crate::exit::{Exit, Failure};
use crate::signals::{Asked, Signals};
use descendants::Children;
use restarts::{End, Restarts, Verdict};
pub(crate) use ward::{Guardian as Overseer, LastWord, Ward};
pub(crate) use words::Order;
use worker::Worker;

/// The first argument of a worker process.
const WORKER: &str = "--pr-worker";

/// What this process is, and the arguments without the word that says so.
pub(crate) fn recognise() -> Result<(Option<Ward>, Vec<OsString>), Failure> {
    let mut arguments: Vec<_> = std::env::args_os().collect();
    if arguments.get(1).map(OsString::as_os_str) != Some(OsStr::new(WORKER)) {
        return Ok((None, arguments));
    }
    arguments.remove(1);
    Ward::adopt().map(|ward| (Some(ward), arguments))
}

/// Runs worker processes, one after the other, until one ends by itself. Blocks.
pub(crate) fn run(arguments: &RunArgs) -> Result<Exit, Failure> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(unusable)?;
    runtime.block_on(async {
        let mut guardian = Guardian::new(arguments).map_err(unusable)?;
        guardian.guard().await
    })
}

fn unusable(error: io::Error) -> Failure {
    Failure::new(
        Exit::Internal,
        format!("the guardian cannot start a worker process: {error}"),
    )
    .help("`--no-guardian` runs the workers in this process")
}

struct Guardian<'a> {
    arguments: &'a RunArgs,
    clock: Clock,
    signals: Signals,
    children: Children,
    restarts: Restarts,
    /// For the next worker process.
    predecessors: Predecessors,
    /// Where its lease is, once there is one.
    coordination: Option<Coordination>,
    /// Its part in serving the embedded etcd, if that is what the configuration names.
    hosting: Option<Hosting>,
    orders: Orders,
}

/// What was asked for so far.
#[derive(Debug, Default)]
struct Orders {
    stops: u32,
    dumps: u32,
    hang_ups: u32,
    quiet: bool,
}

impl<'a> Guardian<'a> {
    fn new(arguments: &'a RunArgs) -> io::Result<Self> {
        set_child_subreaper(Some(getpid()))?;
        Ok(Self {
            arguments,
            clock: Clock::boot(),
            signals: Signals::register()?,
            children: Children::new()?,
            restarts: Restarts::default(),
            predecessors: Predecessors::default(),
            coordination: None,
            hosting: None,
            orders: Orders::default(),
        })
    }

    /// Runs worker processes, and serves the embedded etcd to them and to others meanwhile.
    async fn guard(&mut self) -> Result<Exit, Failure> {
        let end = self.run_workers().await;
        self.stop_serving().await;
        end
    }

    async fn run_workers(&mut self) -> Result<Exit, Failure> {
        loop {
            self.serve_etcd().await;
            let worker = match self.start() {
                Ok(worker) => worker,
                Err(error) if self.restarts.crashes == 0 => return Err(unusable(error)),
                Err(error) => {
                    tracing::error!(%error, "the worker process cannot be started");
                    if let Some(exit) = self.conclude(End::Exited(-1), Duration::ZERO).await {
                        return Ok(exit);
                    }
                    continue;
                }
            };
            let (worker, end) = self.attend(worker).await;
            let lived = self.clock.now().since(worker.started);
            self.bury(&worker, end).await;
            if let Some(exit) = self.conclude(end, lived).await {
                return Ok(exit);
            }
        }
    }

    fn start(&mut self) -> io::Result<Worker> {
        let worker = Worker::start(&self.predecessors, self.clock.now())?;
        tracing::debug!(pid = worker.pid.as_raw_nonzero(), "the worker process runs");
        if self.orders.quiet {
            worker.order(Order::Quiet);
        }
        // Read again with the first lease: this process reads the file as it is then.
        self.coordination = None;
        Ok(worker)
    }

    /// Decides what follows the end of a worker process, and waits until it is time for another
    /// one. `Some` if there is none.
    async fn conclude(&mut self, end: End, lived: Duration) -> Option<Exit> {
        self.restarts.stopping = self.orders.stops > 0;
        let delay = match self.restarts.after(end, lived, fastrand::f64()) {
            Verdict::Exit(exit) => return Some(exit),
            Verdict::RestartAfter(delay) => delay,
        };
        let crashes = self.restarts.crashes;
        self.predecessors.crashes = crashes;
        let delay_ms = delay.as_millis() as u64;
        if crashes < 3 {
            tracing::warn!(crashes, delay_ms, "starting another worker process");
        } else {
            tracing::error!(
                crashes,
                delay_ms,
                "the worker process crashes again and again; starting another one"
            );
        }
        self.rest(delay).await
    }

    /// Waits for `delay`. `Some` if there is nothing to wait for any more.
    async fn rest(&mut self, delay: Duration) -> Option<Exit> {
        let until = self.clock.now() + delay;
        loop {
            tokio::select! {
                asked = self.signals.next() => {
                    self.orders.count(asked);
                    if self.orders.stops > 0 {
                        return Some(Exit::Clean);
                    }
                }
                () = self.children.reap_orphans() => {}
                () = self.clock.sleep_until(until) => return None,
            }
        }
    }
}

impl Orders {
    /// Takes in what a signal asks for, and says what that makes for the worker process.
    fn count(&mut self, asked: Asked) -> Order {
        let next = |times: &mut u32| {
            *times = times.saturating_add(1);
            *times
        };
        match asked {
            Asked::Stop => Order::Stop(next(&mut self.stops)),
            Asked::Dump => Order::Dump(next(&mut self.dumps)),
            Asked::HangUp => Order::HangUp(next(&mut self.hang_ups)),
            Asked::Quiet => {
                self.quiet = true;
                Order::Quiet
            }
            Asked::Resume => {
                self.quiet = false;
                Order::Resume
            }
        }
    }
}
