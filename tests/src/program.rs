//! A program of this workspace, started as a user would, watched by its output.
//!
//! Nothing here sleeps: a test waits for a line or for the end, each with a limit that only a
//! failing test ever meets. Dropping the guard kills whatever is left of the program.

use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// Longer than any step takes on a slow machine.
const LIMIT: Duration = Duration::from_secs(120);

/// A running program, with its process group.
pub struct Program {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

/// A program that has ended.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// All that it printed, on both streams.
    pub lines: Vec<String>,
}

impl Program {
    /// Starts `command` in a process group of its own, without standard input.
    ///
    /// # Errors
    ///
    /// Those of starting it.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (sender, lines) = channel();
        if let Some(stdout) = child.stdout.take() {
            forward(stdout, sender.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            forward(stderr, sender);
        }
        Ok(Self {
            child,
            lines,
            seen: Vec::new(),
        })
    }

    /// Waits for a line, and returns it.
    ///
    /// # Errors
    ///
    /// If the program ends without it or takes too long: everything that it printed.
    pub fn wait_for(&mut self, is_it: impl Fn(&str) -> bool) -> Result<String, String> {
        let until = Instant::now() + LIMIT;
        loop {
            match self.next_line(until) {
                Ok(line) if is_it(&line) => return Ok(line),
                Ok(_) => {}
                Err(why) => return Err(format!("{why}; it printed:\n{}", self.seen.join("\n"))),
            }
        }
    }

    /// Sends `signal` to the program itself, as an operator would.
    ///
    /// # Errors
    ///
    /// If the program is gone.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(self.pid()?, signal)?)
    }

    /// Sends `signal` to the program and to all that share its process group.
    ///
    /// # Errors
    ///
    /// If they are gone.
    pub fn signal_all(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process_group(self.pid()?, signal)?)
    }

    /// The worker process of a `run`, once there is one other than `before`.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn worker(&self, before: Option<Pid>) -> io::Result<Pid> {
        let until = Instant::now() + LIMIT;
        let pid = self.pid()?;
        while Instant::now() < until {
            let found = children(pid)?.into_iter().find(|child| is_worker(*child));
            match found {
                Some(worker) if Some(worker) != before => return Ok(worker),
                _ => std::thread::yield_now(),
            }
        }
        Err(io::Error::other("no worker process"))
    }

    /// Sends `signal` to the worker process of a `run`, and answers which one that was.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn signal_worker(&self, signal: Signal) -> io::Result<Pid> {
        let worker = self.worker(None)?;
        kill_process(worker, signal)?;
        Ok(worker)
    }

    /// Sends `signal` to the program and to all that descends from it, and answers to whom.
    ///
    /// # Errors
    ///
    /// If the program is gone.
    pub fn signal_tree(&self, signal: Signal) -> io::Result<Vec<Pid>> {
        let mut tree = vec![self.pid()?];
        let mut next = 0;
        while let Some(pid) = tree.get(next).copied() {
            // One that is gone has no children.
            let signalled = kill_process(pid, signal);
            if next == 0 {
                signalled?;
            }
            tree.extend(children(pid).unwrap_or_default());
            next += 1;
        }
        Ok(tree)
    }

    /// Waits for the end.
    ///
    /// # Errors
    ///
    /// If it takes too long: everything that it printed.
    pub fn finish(mut self) -> Result<Ended, String> {
        match self.wait_for(|_| false) {
            Err(why) if why.starts_with("it ended") => {}
            Ok(why) | Err(why) => return Err(why),
        }
        let status = self.child.wait().map_err(|error| error.to_string())?;
        Ok(Ended {
            status,
            lines: std::mem::take(&mut self.seen),
        })
    }

    /// Kills the whole group. True once nobody is left who could write to its output.
    fn kill(&mut self) -> bool {
        if let Ok(pid) = self.pid() {
            // An error means that the group is gone already.
            let _ = kill_process_group(pid, Signal::KILL);
        }
        let _ = self.child.wait();
        let until = Instant::now() + LIMIT;
        while self.next_line(until).is_ok() {}
        self.next_line(until) == Err("it ended")
    }

    fn next_line(&mut self, until: Instant) -> Result<String, &'static str> {
        let left = until.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(left) {
            Ok(line) => {
                self.seen.push(line.clone());
                Ok(line)
            }
            Err(RecvTimeoutError::Disconnected) => Err("it ended"),
            Err(RecvTimeoutError::Timeout) => Err("it took too long"),
        }
    }

    fn pid(&self) -> io::Result<Pid> {
        let id = i32::try_from(self.child.id()).ok();
        id.and_then(Pid::from_raw)
            .ok_or_else(|| io::Error::other("no process id"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Ended {
    /// What it printed, if it ended with status 0.
    ///
    /// # Errors
    ///
    /// The status and everything that it printed.
    pub fn success(self) -> Result<Vec<String>, String> {
        if self.status.success() {
            return Ok(self.lines);
        }
        let how = match (self.status.code(), self.status.signal()) {
            (Some(code), _) => format!("status {code}"),
            (None, signal) => format!("signal {signal:?}"),
        };
        Err(format!(
            "it ended with {how}; it printed:\n{}",
            self.lines.join("\n")
        ))
    }
}

/// The children of a process, whichever of its threads started them.
pub(crate) fn children(pid: Pid) -> io::Result<Vec<Pid>> {
    let mut found = Vec::new();
    for thread in std::fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero()))? {
        // A thread that has ended meanwhile has no children.
        let list = std::fs::read_to_string(thread?.path().join("children")).unwrap_or_default();
        let pids = list
            .split_ascii_whitespace()
            .filter_map(|pid| pid.parse().ok());
        found.extend(pids.filter_map(Pid::from_raw));
    }
    Ok(found)
}

/// A zombie has no arguments any more.
fn is_worker(pid: Pid) -> bool {
    let line = format!("/proc/{}/cmdline", pid.as_raw_nonzero());
    let line = std::fs::read(line).unwrap_or_default();
    line.split(|byte| *byte == 0)
        .any(|word| word == b"--pr-worker")
}

/// Sends the lines of `stream` until it ends.
fn forward(stream: impl Read + Send + 'static, lines: Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            if lines.send(line).is_err() {
                return;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        Program::start(Command::new("sh").args(["-c", script])).unwrap()
    }

    #[test]
    fn lines_of_both_streams_and_the_end_are_seen() {
        let mut program = shell("echo one; echo two >&2; exit 3");
        assert_eq!(program.wait_for(|line| line == "two").unwrap(), "two");
        let ended = program.finish().unwrap();
        assert_eq!(ended.status.code(), Some(3));
        assert!(ended.lines.contains(&"one".to_owned()));
        assert!(ended.success().unwrap_err().contains("status 3"));
    }

    #[test]
    fn a_line_that_does_not_come_is_an_error_with_what_came() {
        let told = shell("echo one")
            .wait_for(|line| line == "two")
            .unwrap_err();
        assert!(
            told.starts_with("it ended") && told.contains("one"),
            "{told}"
        );
    }

    #[test]
    fn a_killed_program_takes_its_children_with_it() {
        let mut program = shell("sleep 1000 & echo started; wait");
        program.wait_for(|line| line == "started").unwrap();
        // The child holds the pipe open as long as it lives.
        assert!(program.kill());
    }
}
