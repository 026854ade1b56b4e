//! A worker of `Command` without a node around it, and eyes for what it leaves behind.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::{Arc, Once, OnceLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe;
use tokio::sync::Notify;

use crate::class::JobClass;
use crate::clock::Clock;
use crate::command::{Command, Due, Programs};
use crate::job::{Holding, Identity, Job, JobResult, WorkerContext};
use crate::model::{Fence, Moment, Slot};
use crate::state::States;
use crate::validity::Validity;

/// Both ways to start a program.
pub(super) fn both() -> [Programs; 2] {
    [Programs::direct(), Programs::through(shim())]
}

/// The example `program_shim`, built now if nobody has.
pub(super) fn shim() -> PathBuf {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let status = Process::new(env!("CARGO"))
            .args(["build", "--quiet", "--offline", "--example", "program_shim"])
            .args([
                "--manifest-path",
                concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
            ])
            .status();
        assert!(status.unwrap().success(), "the example did not build");
        let test = std::env::current_exe().unwrap();
        let target = test.parent().and_then(Path::parent).unwrap();
        target.join("examples/program_shim")
    })
    .clone()
}

/// One worker and a directory of its own.
pub(super) struct Bench {
    pub(super) job: Command,
    pub(super) cx: WorkerContext,
    pub(super) validity: Arc<Validity>,
    pub(super) dir: TempDir,
    mark: String,
}

impl Bench {
    /// A worker that runs `script` with `sh`, in its directory.
    pub(super) fn script(programs: &Programs, script: &str) -> Self {
        Self::new(programs, json!({ "command": ["sh", "-c", script] }))
    }

    pub(super) fn new(programs: &Programs, mut options: Value) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mark = format!("PR_TEST_MARK={}", dir.path().display());
        options["env"]["PR_TEST_MARK"] = json!(dir.path());
        if options.get("cwd").is_none() {
            options["cwd"] = json!(dir.path());
        }
        let options = serde_json::from_value::<<Command as JobClass>::Options>(options).unwrap();
        let mut states = States::default();
        states.insert(programs.clone());
        let validity = Arc::new(Validity::default());
        validity.set(Moment::NEVER, Moment::NEVER);
        Self {
            job: Command::build(options, &states).unwrap(),
            cx: context(&validity),
            validity,
            dir,
            mark,
        }
    }

    /// One iteration as the engine makes it: the run, then the unlocking.
    pub(super) async fn iterate(&mut self) -> JobResult<()> {
        let due = self.job.lock_records(&self.cx).await?;
        let done = self.job.process_record(&self.cx, &due[0]).await;
        self.job.unlock_records(&self.cx).await?;
        done
    }

    /// The run alone, to be dropped or raced.
    pub(super) async fn process(&mut self) -> JobResult<()> {
        self.job.process_record(&self.cx, &Due).await
    }

    pub(super) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.dir.path().join(file)).unwrap()
    }

    /// A pipe that a script in the directory can write lines to.
    pub(super) fn fifo(&self, name: &str) -> BufReader<pipe::Receiver> {
        let path = self.dir.path().join(name);
        let made = Process::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        // Open for writing too, so that there is no end between two writers.
        let receiver = pipe::OpenOptions::new()
            .read_write(true)
            .open_receiver(path);
        BufReader::new(receiver.unwrap())
    }

    /// The processes of this worker's runs that are alive, by the mark in their environment.
    pub(super) fn alive(&self) -> Vec<String> {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let marked = processes.filter(|process| {
            let environment = fs::read(process.path().join("environ")).unwrap_or_default();
            let mut variables = environment.split(|byte| *byte == 0);
            variables.any(|variable| variable == self.mark.as_bytes())
        });
        marked
            .map(|process| {
                let line = fs::read_to_string(process.path().join("cmdline"));
                format!("{:?}: {:?}", process.file_name(), line)
            })
            .collect()
    }

    /// Asserts that nothing is alive, now or, for those who are dying, in a moment.
    pub(super) fn assert_nothing_left(&self) {
        let began = Instant::now();
        while !self.alive().is_empty() {
            let waited = began.elapsed();
            assert!(waited < Duration::from_secs(30), "left: {:?}", self.alive());
            std::thread::yield_now();
        }
    }
}

fn context(validity: &Arc<Validity>) -> WorkerContext {
    let identity = Identity {
        retiring: false,
        slot: Slot::new("ticker", 2),
        node: "node-a".into(),
        incarnation: "abc".into(),
    };
    let changed = Arc::new(Notify::new());
    let holding = Holding::new(
        identity,
        4,
        None,
        Clock::boot(),
        Arc::clone(validity),
        changed,
    );
    holding.held(Fence::new(0, 77).unwrap());
    WorkerContext::new(Arc::new(holding))
}

/// The next line of a fifo.
pub(super) async fn line(fifo: &mut BufReader<pipe::Receiver>) -> String {
    let mut line = String::new();
    let read = tokio::time::timeout(Duration::from_secs(60), fifo.read_line(&mut line));
    read.await.expect("the program wrote a line").unwrap();
    line.trim_end().to_owned()
}

thread_local! {
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Collects what this thread logs from now on; [`log`] has it.
pub(super) fn start_log() {
    // One subscriber for all threads: tracing remembers for each line of code whether anybody
    // listens, and a subscriber of one thread loses that race against the other tests.
    static START: Once = Once::new();
    START.call_once(|| {
        let subscriber = tracing_subscriber::fmt().with_ansi(false);
        subscriber.with_writer(|| ThreadLog).init();
    });
    LOG.take();
}

/// What this thread logged.
pub(super) fn log() -> Vec<u8> {
    LOG.take()
}

struct ThreadLog;

impl std::io::Write for ThreadLog {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.with_borrow_mut(|log| log.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
