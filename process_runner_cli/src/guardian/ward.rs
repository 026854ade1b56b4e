//! The worker process's side: it obeys the guardian and reports to it.
//!
//! When the guardian is gone, nobody would free what this process has after a crash, or start it
//! again: it drains and ends.

use std::io::Write;
use std::os::unix::net::UnixStream as Socket;
use std::sync::Arc;

use process_runner::supervision::{Predecessors, Report, Reporter, Reports, channel};

use super::link::{self, Link};
use super::words::{Order, Word};
use crate::exit::{Exit, Failure};

/// What a worker process has of its guardian.
#[derive(Debug)]
pub(crate) struct Ward {
    socket: Arc<Socket>,
    predecessors: Predecessors,
}

/// Says the last word to the guardian. One for a process without a guardian says nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastWord(Option<Arc<Socket>>);

/// The guardian, as long as it lives.
pub(crate) struct Guardian {
    link: Link,
    reports: Reports,
    /// Taken and not passed on yet.
    unsaid: Option<Report>,
}

impl Ward {
    /// Finds the guardian that started this process.
    pub(super) fn adopt() -> Result<Self, Failure> {
        let (socket, predecessors) = link::adopt().map_err(|error| {
            Failure::new(
                Exit::Usage,
                format!("this is no worker process of a `run`: {error}"),
            )
            .help("`run` starts it by itself")
        })?;
        Ok(Self {
            socket: Arc::new(socket),
            predecessors,
        })
    }

    pub(crate) fn predecessors(&self) -> Predecessors {
        self.predecessors.clone()
    }

    /// Connects the node that will report with the guardian. Within a runtime.
    pub(crate) fn guardian(&self) -> std::io::Result<(Reporter, Guardian)> {
        let (reporter, reports) = channel();
        let link = Link::over(self.socket.try_clone()?)?;
        let guardian = Guardian {
            link,
            reports,
            unsaid: None,
        };
        Ok((reporter, guardian))
    }

    pub(crate) fn last_word(&self) -> LastWord {
        LastWord(Some(Arc::clone(&self.socket)))
    }
}

impl LastWord {
    /// Says that this process ends by itself. Without this word its end is a crash.
    pub(crate) fn say(&self, exit: Exit) {
        if let Some(socket) = &self.0 {
            // Without the word the guardian starts another process: nothing worse.
            let _ = (&**socket).write(Word::End(exit.code()).to_string().as_bytes());
        }
    }
}

impl Guardian {
    /// Passes reports on until the guardian gives an order; `None` once it is dead. Cancel safe.
    pub(crate) async fn order(&mut self) -> Option<Order> {
        let Self {
            link,
            reports,
            unsaid,
        } = self;
        tokio::select! {
            biased;
            order = link.hear(Order::parse) => order,
            () = pass_on(link, reports, unsaid) => None,
        }
    }
}

/// Passes reports on until the guardian is dead. Cancel safe.
async fn pass_on(link: &Link, reports: &mut Reports, unsaid: &mut Option<Report>) {
    loop {
        if let Some(report) = unsaid {
            if link.say(&Word::Report(*report).to_string()).await.is_err() {
                return;
            }
            *unsaid = None;
        }
        match reports.next().await {
            Some(report) => *unsaid = Some(report),
            // The node has ended; the process is about to.
            None => std::future::pending().await,
        }
    }
}
