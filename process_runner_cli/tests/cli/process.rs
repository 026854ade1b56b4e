//! Starting the binaries under test, each in a directory of its own and with nothing inherited.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

/// Longer than anything takes that a test waits for, in a process that goes on talking.
const LIMIT: Duration = Duration::from_secs(60);

/// The stock `pr-cli`.
pub(crate) const PR_CLI: &str = env!("CARGO_BIN_EXE_pr-cli");

/// A user's own binary: the example `awkward_app`, built now if nobody has.
pub(crate) fn awkward_app() -> &'static Path {
    static APP: OnceLock<PathBuf> = OnceLock::new();
    APP.get_or_init(|| {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--offline", "--example", "awkward_app"])
            .args(["--manifest-path", manifest])
            .status();
        assert!(status.unwrap().success(), "the example did not build");
        target().join("examples/awkward_app")
    })
}

/// The folder that holds `pr-cli`.
pub(crate) fn target() -> &'static Path {
    Path::new(PR_CLI).parent().unwrap()
}

/// A directory to run in.
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// A place with a configuration.
    pub(crate) fn with_config(text: &str) -> Self {
        let place = Self::new();
        place.write("config.yml", text);
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// A command in this directory, whose embedded etcd lives here too.
    pub(crate) fn command(&self, program: impl AsRef<Path>, args: &[&str]) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .args(args)
            .current_dir(self.path())
            .env("XDG_STATE_HOME", self.path().join("state"))
            .env_remove("RUST_LOG")
            .env_remove("PR_ENV")
            .env_remove("PR_APP")
            .stdin(Stdio::null());
        command
    }

    /// Runs `pr-cli` to its end.
    pub(crate) fn pr_cli(&self, args: &[&str]) -> Ended {
        Ended::of(self.command(PR_CLI, args).output().unwrap())
    }

    /// Runs the awkward app to its end.
    pub(crate) fn app(&self, args: &[&str]) -> Ended {
        Ended::of(self.command(awkward_app(), args).output().unwrap())
    }

    /// Starts a node and leaves it running.
    pub(crate) fn start(&self, program: impl AsRef<Path>, args: &[&str]) -> Running {
        Running::spawn(&mut self.command(program, args))
    }
}

/// A process that ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A process that runs. Killed when dropped.
pub(crate) struct Running {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
}

impl Running {
    pub(crate) fn spawn(command: &mut Command) -> Self {
        // A group of its own, to end it with its worker process.
        let mut child = command
            .process_group(0)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr }
    }

    /// Reads the log up to a line with `text`, and returns that line.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let mut seen = String::new();
        let began = Instant::now();
        loop {
            let mut line = String::new();
            let read = self.stderr.read_line(&mut line).unwrap();
            let goes_on = read > 0 && began.elapsed() < LIMIT;
            assert!(goes_on, "no `{text}` in: {seen}");
            if line.contains(text) {
                return line;
            }
            seen.push_str(&line);
        }
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Sends `signal` to it and to its worker process, as a terminal does.
    pub(crate) fn signal_all(&self, signal: Signal) {
        kill_process_group(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The worker process, if there is a guardian.
    pub(crate) fn worker(&self) -> Option<Pid> {
        let pid = self.child.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        let pids = children
            .split_ascii_whitespace()
            .map(|pid| pid.parse().unwrap());
        let is_worker = |pid: &i32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0)
                .any(|word| word == b"--pr-worker")
        };
        pids.filter(is_worker).find_map(Pid::from_raw)
    }

    pub(crate) fn signal_worker(&self, signal: Signal) {
        kill_process(self.worker().unwrap(), signal).unwrap();
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for the end: what was logged since, and the exit code.
    pub(crate) fn rest(mut self) -> Ended {
        let mut stderr = String::new();
        std::io::Read::read_to_string(&mut self.stderr, &mut stderr).unwrap();
        Ended {
            code: self.child.wait().unwrap().code(),
            stdout: String::new(),
            stderr,
        }
    }

    /// Waits for the end and returns the exit code.
    pub(crate) fn end(mut self) -> Option<i32> {
        // Else it could wait at a full pipe.
        let mut rest = Vec::new();
        let _ = std::io::Read::read_to_end(&mut self.stderr, &mut rest);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// The processes that are alive with `mark` in their environment.
pub(crate) fn alive(mark: &str) -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let marked = processes.filter(|process| {
        let environment = fs::read(process.path().join("environ")).unwrap_or_default();
        let mut variables = environment.split(|byte| *byte == 0);
        variables.any(|variable| variable == mark.as_bytes())
    });
    marked.count()
}

/// Waits until none is.
pub(crate) fn wait_until_none(mark: &str) {
    let began = Instant::now();
    while alive(mark) > 0 {
        assert!(began.elapsed().as_secs() < 60, "{} are left", alive(mark));
        std::thread::yield_now();
    }
}
