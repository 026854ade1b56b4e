//! Nodes by the dozen or the thousand, in this process, on one real etcd.

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use process_runner::config::{Request, load};
use process_runner::{App, Node, NodeEnd, NodeError, NodeHandle, RequestCount};
use tests::etcd::{Etcd, Version};
use tokio::task::JoinHandle;

use crate::still::Marks;

/// How long a cluster may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A cluster of one benchmark.
pub(crate) struct Fleet {
    pub(crate) etcd: Etcd,
    pub(crate) marks: Marks,
    slots: u32,
    dir: PathBuf,
    _guard: tempfile::TempDir,
}

/// A node of it.
pub(crate) struct Running {
    pub(crate) name: String,
    pub(crate) handle: NodeHandle,
    pub(crate) requests: RequestCount,
    task: JoinHandle<Result<NodeEnd, NodeError>>,
}

impl Running {
    fn start((name, node): (String, Node)) -> Self {
        Self {
            name,
            handle: node.handle(),
            requests: node.requests(),
            task: tokio::spawn(node.run_here()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fleet {
    /// An etcd of `members`, without nodes yet, for one job of `slots` workers.
    pub(crate) fn new(members: usize, slots: u32) -> Result<Self, Box<dyn Error>> {
        let guard = tempfile::tempdir()?;
        Ok(Self {
            etcd: Etcd::cluster(version(), members)?,
            marks: Marks::default(),
            slots,
            dir: guard.path().to_owned(),
            _guard: guard,
        })
    }

    /// Starts node `number`.
    pub(crate) fn start(&self, number: u32) -> Result<Running, Box<dyn Error>> {
        Ok(Running::start(self.ready(number)?))
    }

    /// Loads what node `number` needs; it does not run yet.
    fn ready(&self, number: u32) -> Result<(String, Node), Box<dyn Error>> {
        let name = format!("n{number:04}");
        let path = self.dir.join(format!("{name}.yml"));
        let endpoints = self.etcd.endpoints().join("\", \"");
        std::fs::write(
            &path,
            format!(
                "etcd: {{ endpoints: [\"{endpoints}\"], prefix: /bench }}\n\
                 global: {{ node: {{ name: {name} }} }}\n\
                 jobs:\n  still: {{ class: Still, workers: {} }}\n",
                self.slots
            ),
        )?;
        let marks = self.marks.clone();
        let registry = App::new()
            .state(async move || Ok::<_, std::io::Error>(marks))
            .into_registry()?;
        let loaded = load(&Request {
            path: Some(&path),
            environment: None,
            env: &|_| None,
            classes: Some(&registry),
        })
        .map_err(|problems| problems.to_string())?;
        Ok((name, Node::new(loaded.config, registry)))
    }

    /// Starts nodes `0..count` at once, and says when. Each has read its configuration before: a
    /// thousand nodes of a real cluster do that on a thousand machines.
    pub(crate) fn start_all(&self, count: u32) -> Result<(Vec<Running>, Instant), Box<dyn Error>> {
        let ready: Result<Vec<_>, _> = (0..count).map(|number| self.ready(number)).collect();
        let (ready, began) = (ready?, Instant::now());
        Ok((ready.into_iter().map(Running::start).collect(), began))
    }

    /// Waits until every worker runs. A cluster that does not get there is no measurement.
    pub(crate) async fn all_run(&self) -> Result<(), Box<dyn Error>> {
        let slots = u64::from(self.slots);
        if self.marks.until_running(slots, PATIENCE).await {
            return Ok(());
        }
        let running = self.marks.running();
        Err(format!("{running} of {slots} workers run after {PATIENCE:?}").into())
    }

    /// A client of its own, for what a benchmark compares with.
    pub(crate) async fn client(&self) -> Result<etcd_client::Client, Box<dyn Error>> {
        Ok(etcd_client::Client::connect([self.etcd.endpoint()], None).await?)
    }
}

/// The version of etcd that `PR_BENCH_ETCD` names, or 3.4.
pub(crate) fn version() -> Version {
    match std::env::var("PR_BENCH_ETCD").as_deref() {
        Ok("3.5") => Version::V35,
        _ => Version::V34,
    }
}
