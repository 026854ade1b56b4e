//! A node of the simulation, from one start of its process to its end.

use process_runner::config::Config;
use process_runner::embedded::EmbeddedEtcd;
use process_runner::{App, Node, NodeEnd, NodeError, NodeHandle};
use std::time::Duration;
use tests::history::What;
use tokio::task::JoinHandle;

use super::peer::Peer;
use super::table::Table;
use super::trace::{Pen, Trace};
use super::work::Desk;

pub(crate) struct Process {
    /// `node#run`.
    pub(crate) name: String,
    pub(crate) handle: NodeHandle,
    peer: Peer,
    task: Option<JoinHandle<Result<NodeEnd, NodeError>>>,
    trace: Trace,
    pen: Pen,
    paused: bool,
}

impl Process {
    /// Starts a node in a process of its own, which reaches etcd in its own way.
    pub(crate) fn start(
        name: String,
        config: Config,
        etcd: EmbeddedEtcd,
        (trace, table): (&Trace, &Table),
        peer: Peer,
    ) -> Self {
        let pen = trace.pen(peer.time());
        let desk = Desk {
            process: name.clone(),
            pen: pen.clone(),
            table: table.clone(),
        };
        let app = App::new().state(async move || Ok::<_, std::io::Error>(desk));
        let node = Node::new(config, app.into_registry().unwrap()).embedded(etcd);
        let handle = node.handle();
        let task = Some(peer.spawn(node.run_here()));
        Self {
            name,
            handle,
            peer,
            task,
            trace: trace.clone(),
            pen,
            paused: false,
        }
    }

    /// Runs one step, unless it stands still. Answers how it ended, once it has.
    pub(crate) fn step(&mut self, now: Duration, until: Duration) -> Option<String> {
        if self.paused {
            return None;
        }
        self.peer.step(now, until);
        if !self.task.as_ref()?.is_finished() {
            return None;
        }
        let end = self.peer.join(self.task.take()?);
        Some(match end {
            Ok(end) => format!("{end:?}"),
            Err(error) => error.to_string(),
        })
    }

    pub(crate) fn pause(&mut self) {
        if !self.paused {
            self.paused = true;
            let process = self.name.clone();
            self.trace.write(What::Paused { process });
        }
    }

    pub(crate) fn resume(&mut self, now: Duration) {
        if self.paused {
            self.paused = false;
            let process = self.name.clone();
            self.trace.write(What::Resumed { process });
            self.peer.wake_at(now);
        }
    }

    /// Ends the process where it stands.
    pub(crate) fn kill(self) {
        let process = self.name.clone();
        self.trace.write(What::Died { process });
        self.pen.lift();
    }
}
