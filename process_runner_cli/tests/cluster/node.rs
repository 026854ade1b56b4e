//! A directory with a configuration, and nodes started in it.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tests::program::Program;

/// Where nodes of one cluster run.
pub(crate) struct Place {
    dir: TempDir,
}

impl Place {
    /// Nodes with `workers` workers, coordinated by what `etcd` says.
    pub(crate) fn new(etcd: &str, workers: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = Self { dir };
        place.write(
            "config.yml",
            &format!(
                "etcd: {etcd}\njobs:\n  ticker:\n    class: Command\n    workers: {workers}\n    \
                 interval: 20ms\n    options:\n      command: [sh, -c, 'echo tick $PR_WORKER_INDEX \
                 fence $PR_FENCE on $PR_NODE']\n"
            ),
        );
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }

    /// Starts a node.
    pub(crate) fn start(&self, node: &str) -> Program {
        self.start_with("config.yml", node)
    }

    /// Starts a node with a configuration of its own.
    pub(crate) fn start_with(&self, config: &str, node: &str) -> Program {
        Program::start(self.command().args(["run", config, "--node-name", node])).unwrap()
    }

    /// Starts a node that nobody watches over.
    pub(crate) fn start_alone(&self, node: &str) -> Program {
        let words = ["run", "config.yml", "--node-name", node, "--no-guardian"];
        Program::start(self.command().args(words)).unwrap()
    }

    /// Runs a command to its end.
    pub(crate) fn output(&self, words: &[&str]) -> Output {
        self.command().args(words).output().unwrap()
    }

    /// What `status --json` says.
    pub(crate) fn status(&self) -> Value {
        self.try_status()
            .unwrap_or_else(|said| panic!("status: {said}"))
    }

    fn try_status(&self) -> Result<Value, String> {
        let output = self.output(&["status", "--json", "-c", "config.yml"]);
        if output.status.success() {
            Ok(serde_json::from_slice(&output.stdout).unwrap())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// What `status --json` says once it says what is wanted: nodes report a moment later, and an
    /// embedded etcd is away for a moment when its host was killed.
    pub(crate) fn status_when(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let status = self.try_status();
            match status {
                Ok(status) if wanted(&status) => return status,
                status => assert!(Instant::now() < until, "{status:#?}"),
            }
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pr-cli"));
        command
            .current_dir(self.dir.path())
            .env("XDG_STATE_HOME", self.dir.path())
            .env("XDG_RUNTIME_DIR", self.dir.path())
            .env("NO_COLOR", "1")
            .env_remove("RUST_LOG");
        command
    }
}

/// Waits until `node` has run the program of `index`, and answers under which fence.
pub(crate) fn ticked(program: &mut Program, node: &str, index: u32) -> u64 {
    let wanted = format!("tick {index} fence ");
    let line = program
        .wait_for(|line| line.contains(&wanted) && line.contains(&format!("on {node}")))
        .unwrap();
    let fence = line
        .split("fence ")
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap();
    fence.trim_matches('"').parse().unwrap()
}
