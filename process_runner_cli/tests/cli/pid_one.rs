//! The guardian as process 1 of a container: a process namespace of its own, in which the kernel makes it the
//! parent of every orphan, gives it no default action for any signal, and ends everything when it ends.
//!
//! Where the machine permits no such namespace these tests say so and show nothing.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::process::{PR_CLI, Place, Running, awkward_app};

const TICKER: &str = "\
jobs:
  ticker:
    class: Command
    interval: 10ms
    options: { command: [echo, tick] }
";

/// The words that start a program as process 1, if that is permitted here.
#[allow(clippy::print_stderr, reason = "a test that shows nothing says so")]
fn namespace() -> Option<Vec<&'static str>> {
    let plain = vec!["--pid", "--fork", "--mount-proc"];
    let as_user = [&["--user", "--map-root-user"], plain.as_slice()].concat();
    let permitted = |words: &Vec<&str>| {
        let tried = Command::new("unshare").args(words).arg("true").output();
        tried.is_ok_and(|tried| tried.status.success())
    };
    let found = [plain, as_user].into_iter().find(permitted);
    if found.is_none() {
        eprintln!("LEFT OUT: this machine permits no process namespace, so nothing is shown here");
    }
    found
}

/// A node whose guardian is process 1.
struct Contained {
    /// It waits for the guardian and ends with its exit code.
    outside: Running,
    /// The guardian's process id as seen from here.
    guardian: Pid,
    enter: Vec<&'static str>,
}

impl Contained {
    fn start(place: &Place, program: &str, namespace: &[&'static str]) -> Self {
        let words = [namespace, &[program, "run"]].concat();
        let mut outside = place.start("unshare", &words);
        outside.wait_for("worker starts");
        let guardian = children(outside.pid())[0];
        assert_eq!(innermost_id(guardian), "1");
        let mut enter = vec!["--pid", "--mount"];
        if namespace.contains(&"--user") {
            enter.push("--user");
        }
        Self {
            outside,
            guardian,
            enter,
        }
    }

    /// Runs a shell in the namespace, as `docker exec` does. Its parent is out here.
    fn exec(&self, script: &str) {
        let target = self.guardian.as_raw_nonzero().to_string();
        let mut nsenter = Command::new("nsenter");
        nsenter.args(["--target", &target]).args(&self.enter);
        let status = nsenter.args(["sh", "-c", script]).status().unwrap();
        assert!(status.success());
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.guardian, signal).unwrap();
    }
}

fn children(parent: Pid) -> Vec<Pid> {
    let parent = parent.as_raw_nonzero();
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
    let ids = children.split_ascii_whitespace();
    ids.filter_map(|id| Pid::from_raw(id.parse().unwrap()))
        .collect()
}

/// The process id that `pid` has in its own namespace.
fn innermost_id(pid: Pid) -> String {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap();
    let ids = status.lines().find(|line| line.starts_with("NSpid:"));
    let innermost = ids.and_then(|ids| ids.split_whitespace().last());
    innermost.unwrap().to_owned()
}

#[test]
fn as_process_1_it_reaps_the_orphans_of_others_and_ends_as_it_is_told() {
    let Some(namespace) = namespace() else { return };
    let place = Place::with_config(TICKER);
    let mut node = Contained::start(&place, PR_CLI, &namespace);
    for _ in 0..20 {
        node.exec("true & sleep 0.01 & exit 0");
    }
    // Dead and unreaped they would stay for as long as process 1 lives.
    let began = Instant::now();
    loop {
        let left = children(node.guardian);
        let workers: Vec<_> = left.iter().filter(|pid| is_worker(**pid)).collect();
        if workers.len() == 1 && left.len() == 1 {
            break;
        }
        let waited = began.elapsed();
        assert!(waited < Duration::from_secs(20), "{left:?} are left");
        std::thread::yield_now();
    }
    node.outside.wait_for("tick");
    node.signal(Signal::TERM);
    assert_eq!(node.outside.end(), Some(0));
}

fn is_worker(pid: Pid) -> bool {
    let line = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default();
    line.split(|byte| *byte == 0)
        .any(|word| word == b"--pr-worker")
}

#[test]
fn as_process_1_it_starts_another_worker_process_after_a_crash() {
    let Some(namespace) = namespace() else { return };
    let place = Place::with_config(TICKER);
    let mut node = Contained::start(&place, PR_CLI, &namespace);
    let worker = children(node.guardian)
        .into_iter()
        .find(|it| is_worker(*it));
    kill_process(worker.unwrap(), Signal::KILL).unwrap();
    node.outside.wait_for("what the worker process had is free");
    node.outside.wait_for("worker starts");
    node.signal(Signal::TERM);
    assert_eq!(node.outside.end(), Some(0));
}

#[test]
fn as_process_1_its_exit_code_is_the_one_it_has_elsewhere() {
    let Some(namespace) = namespace() else { return };
    let place = Place::with_config("jobs: { stuck: { class: NeverUnlocks } }\n");
    let app = awkward_app().to_str().unwrap();
    let mut node = Contained::start(&place, app, &namespace);
    for said in ["stopping", "cancelling", "exiting at once"] {
        node.signal(Signal::TERM);
        node.outside.wait_for(said);
    }
    assert_eq!(node.outside.end(), Some(3));

    let wrong = Place::with_config("jobs: { bad: { class: Nope } }\n");
    let words = [namespace.as_slice(), &[app, "run"]].concat();
    assert_eq!(wrong.start("unshare", &words).end(), Some(78));
}
