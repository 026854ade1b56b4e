//! One worker process, from its start to its death.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use process_runner::model::Moment;
use process_runner::supervision::{LeaseId, Predecessors, Report};
use rustix::process::{Pid, Signal, kill_process};

use super::WORKER;
use super::link::{self, Link};
use super::words::{Order, Word};
use crate::exit::Exit;

/// How long to wait for the end of what a dead process said.
const REST: Duration = Duration::from_millis(100);

/// A worker process that was not reaped yet.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) pid: Pid,
    pub(super) started: Moment,
    link: Link,
    /// It closed its end, or is dead.
    silent: bool,
    /// The lease it reported last.
    pub(super) lease: Option<LeaseId>,
    /// The exit code it is about to end with.
    pub(super) said: Option<Exit>,
}

impl Worker {
    /// Starts this very executable again, with the same arguments. Within a runtime, and from the
    /// main thread.
    pub(super) fn start(predecessors: &Predecessors, now: Moment) -> io::Result<Self> {
        let (link, stdin) = link::pair(predecessors)?;
        let mut arguments = std::env::args_os();
        let name = arguments.next().unwrap_or_else(|| OsString::from("pr-cli"));
        // By this name it is found even if a newer version took its place meanwhile, and a run
        // stays of one version.
        let child = Command::new("/proc/self/exe")
            .arg0(name)
            .arg(WORKER)
            .args(arguments)
            .stdin(stdin)
            .spawn()?;
        Ok(Self {
            pid: Pid::from_child(&child),
            started: now,
            link,
            silent: false,
            lease: None,
            said: None,
        })
    }

    /// The next report. Waits for ever once there are no more. Cancel safe.
    pub(super) async fn report(&mut self) -> Report {
        match self.hear().await {
            Some(report) => report,
            None => std::future::pending().await,
        }
    }

    /// Takes in what it said before it died.
    pub(super) async fn hear_the_rest(&mut self) {
        let rest = async { while self.hear().await.is_some() {} };
        // Being dead, it has nothing to add: only an end of the socket that somebody else has could
        // be waited for.
        let _ = tokio::time::timeout(REST, rest).await;
    }

    async fn hear(&mut self) -> Option<Report> {
        while !self.silent {
            match self.link.hear(Word::parse).await {
                Some(Word::Report(report)) => {
                    self.lease = report.lease;
                    return Some(report);
                }
                Some(Word::End(code)) => self.said = Some(Exit::from_code(code)),
                None => self.silent = true,
            }
        }
        None
    }

    /// Passes an order on. One that has not read its orders for minutes misses this one.
    pub(super) fn order(&self, order: Order) {
        if let Err(error) = self.link.say_now(&order.to_string()) {
            tracing::debug!(%error, %order, "the worker process does not hear it");
        }
    }

    /// Kills it. It was not reaped yet, so the process id is its own.
    pub(super) fn kill(&self) {
        if let Err(error) = kill_process(self.pid, Signal::KILL) {
            tracing::error!(%error, pid = self.pid.as_raw_nonzero(), "the worker process cannot be killed");
        }
    }
}
