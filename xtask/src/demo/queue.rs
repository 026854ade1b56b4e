//! The demonstration's queue, seen from outside: started, watched and read through its programs.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::error::{Error, Result};
use crate::workspace;

/// A queue in a folder of its own.
pub(crate) struct Queue {
    dir: PathBuf,
    release: bool,
}

/// How far a queue has come, as `queue-report` tells it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) pending: u64,
    pub(crate) locked: u64,
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) bytes: u64,
}

impl Queue {
    /// An empty queue in `dir`; what was there is removed.
    pub(crate) fn clean(dir: &Path, release: bool) -> Result<Self> {
        if dir.exists() {
            fs::remove_dir_all(dir).map_err(Error::at(dir))?;
        }
        fs::create_dir_all(dir).map_err(Error::at(dir))?;
        Ok(Self {
            dir: dir.to_owned(),
            release,
        })
    }

    /// Where the queue and everything about it lies.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Starts the workers. They end by themselves when the queue is empty.
    pub(crate) fn start(&self, log: File) -> Result<Child> {
        let program = workspace::binary("process_queue", self.release);
        let stderr = log.try_clone().map_err(Error::at(&self.dir))?;
        let child = self
            .command(&program)
            .args(["run", "examples/process_queue/config.yml", "--until-idle"])
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(stderr)
            .spawn();
        child.map_err(Error::at(&program))
    }

    /// How far it has come.
    pub(crate) fn progress(&self) -> Result<Progress> {
        let line = self.report(None)?;
        Progress::parse(&line)
            .ok_or_else(|| Error::Found("queue-report did not print what was expected".into()))
    }

    /// A line per result, for `sha256sum --check`. File names are bytes, and so is this.
    pub(crate) fn sums(&self) -> Result<Vec<u8>> {
        self.report(Some("sums"))
    }

    /// A line per file that could not be processed.
    pub(crate) fn failed(&self) -> Result<String> {
        let lines = self.report(Some("failed"))?;
        Ok(String::from_utf8_lossy(&lines).into_owned())
    }

    fn report(&self, what: Option<&str>) -> Result<Vec<u8>> {
        let program = workspace::binary("queue-report", self.release);
        workspace::output(self.command(&program).args(what))
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        let url = format!("sqlite:{}", self.dir.join("queue.db").display());
        command
            .current_dir(workspace::root())
            .env("DATABASE_URL", url)
            // The embedded etcd begins as empty as the queue, and no other run meets it.
            .env("XDG_STATE_HOME", &self.dir);
        command
    }
}

impl Progress {
    fn parse(line: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(line).ok()?;
        let count = |name: &str| value.get(name)?.as_u64();
        Some(Self {
            pending: count("pending")?,
            locked: count("locked")?,
            done: count("done")?,
            failed: count("failed")?,
            bytes: count("bytes")?,
        })
    }

    /// Records that nobody has finished.
    pub(crate) fn left(&self) -> u64 {
        self.pending + self.locked
    }

    /// The size of what is done.
    pub(crate) fn mebibytes(&self) -> f64 {
        self.bytes as f64 / f64::from(1 << 20)
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.left() + self.done + self.failed;
        write!(
            f,
            "{:>7} of {all} files, {:>7.1} MiB",
            self.done,
            self.mebibytes()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_and_a_wrong_one_is_refused() {
        let line = br#"{"v":1,"pending":1,"locked":2,"done":3,"failed":4,"bytes":1048576}"#;
        let progress = Progress::parse(line).unwrap();
        assert_eq!(progress.left(), 3);
        assert_eq!(progress.to_string().trim(), "3 of 10 files,     1.0 MiB");
        assert_eq!(Progress::parse(br#"{"pending":1}"#), None);
        assert_eq!(Progress::parse(b"no JSON"), None);
    }
}
