//! A cluster in one test: an embedded etcd, nodes on it, and jobs that record what happens.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use process_runner::config::{Loaded, Request, load};
use process_runner::embedded::{EmbeddedEtcd, EmbeddedOptions};
use process_runner::prelude::*;
use process_runner::{Node, NodeEnd, NodeError, NodeHandle};
use tokio::task::JoinHandle;

use super::driver::InMemory;

/// What the recording job writes down, in order.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn write(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, part: &str) -> usize {
        self.lines()
            .iter()
            .filter(|line| line.contains(part))
            .count()
    }

    /// Waits, under paused time, until a line contains `part`.
    pub(crate) async fn wait_for(&self, part: &str) {
        tokio::time::timeout(Duration::from_secs(3600), async {
            while self.count(part) == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("`{part}` was not logged: {:#?}", self.lines()));
    }
}

/// Locks a fixed number of records per batch, for a number of batches; records take a while.
#[job(lock_driver = "etcd")]
pub(crate) struct Recorder {
    #[job(default = 0)]
    batches: u32,
    #[job(default = 2)]
    batch_size: u32,
    #[job(default = 100)]
    record_ms: u64,
    #[job(state)]
    log: Log,
    #[job(skip)]
    locked: u32,
}

impl Job for Recorder {
    type Record = u32;

    async fn lock_records(&mut self, cx: &WorkerContext) -> JobResult<Vec<u32>> {
        if self.batches != 0 && self.locked == self.batches {
            self.log
                .write(format!("{} empty {}", cx.node(), cx.worker_index()));
            return Ok(Vec::new());
        }
        self.locked += 1;
        self.log
            .write(format!("{} lock {}", cx.node(), cx.worker_index()));
        Ok((0..self.batch_size).collect())
    }

    async fn process_record(&mut self, cx: &WorkerContext, record: &u32) -> JobResult<()> {
        self.log.write(format!(
            "{} begin {}.{record}",
            cx.node(),
            cx.worker_index()
        ));
        tokio::time::sleep(Duration::from_millis(self.record_ms)).await;
        self.log
            .write(format!("{} end {}.{record}", cx.node(), cx.worker_index()));
        Ok(())
    }

    async fn unlock_records(&mut self, cx: &WorkerContext) -> JobResult<()> {
        self.log
            .write(format!("{} unlock {}", cx.node(), cx.worker_index()));
        Ok(())
    }
}

/// An embedded etcd with nodes.
pub(crate) struct Cluster {
    pub(crate) etcd: EmbeddedEtcd,
    pub(crate) log: Log,
    pub(crate) driver: InMemory,
    dir: tempfile::TempDir,
}

pub(crate) struct Running {
    pub(crate) handle: NodeHandle,
    pub(crate) task: JoinHandle<Result<NodeEnd, NodeError>>,
}

impl Running {
    pub(crate) async fn stop(self) -> NodeEnd {
        self.handle.stop();
        self.task.await.unwrap().unwrap()
    }
}

impl Cluster {
    pub(crate) fn new() -> Self {
        let log = Log::default();
        Self {
            etcd: EmbeddedEtcd::in_memory(EmbeddedOptions::default()),
            driver: InMemory::logging_to(&log),
            log,
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn config(&self, node: &str, yaml: &str) -> PathBuf {
        let path = self.dir.path().join(format!("{node}.yml"));
        std::fs::write(&path, yaml).unwrap();
        path
    }

    /// A node that has not started.
    pub(crate) fn node(&self, node: &str, jobs: &str) -> Node {
        self.node_like(node, &format!("node: {{ name: {node} }}"), jobs)
    }

    /// A node of which the configuration says this, under `global`; `file` is its file's name.
    pub(crate) fn node_like(&self, file: &str, global: &str, jobs: &str) -> Node {
        let store = self.dir.path().display();
        let yaml = format!(
            "etcd: {{ embedded: true, data_dir: {store} }}\nglobal: {{ {global} }}\njobs:\n{jobs}"
        );
        let path = self.config(file, &yaml);
        let (log, driver) = (self.log.clone(), self.driver.clone());
        let registry = App::new()
            .state(async move || Ok::<_, std::io::Error>(log))
            .state(async move || Ok::<_, std::io::Error>(driver))
            .into_registry()
            .unwrap();
        let Loaded { config, .. } = load(&Request {
            path: Some(&path),
            environment: None,
            env: &|_| None,
            classes: Some(&registry),
        })
        .unwrap_or_else(|problems| panic!("{problems}"));
        Node::new(config, registry).embedded(self.etcd.clone())
    }

    /// Starts a node on the present runtime.
    pub(crate) fn start(&self, node: &str, jobs: &str) -> Running {
        Self::run(self.node(node, jobs))
    }

    pub(crate) fn run(node: Node) -> Running {
        let handle = node.handle();
        Running {
            handle,
            task: tokio::spawn(node.run_here()),
        }
    }
}
