//! The guardian on one machine, without an etcd: restarts, signals, exit codes, what is left.

use std::process::Stdio;

use rustix::process::Signal;

use crate::process::{PR_CLI, Place, Running, alive, awkward_app, wait_until_none};

const TICKER: &str = "\
jobs:
  ticker:
    class: Command
    interval: 10ms
    options: { command: [echo, tick] }
";
const NEVER_UNLOCKS: &str = "jobs: { stuck: { class: NeverUnlocks } }\n";

#[test]
fn a_process_that_crashes_again_and_again_is_started_ever_later_and_that_is_told() {
    for options in ["{ }", "{ status: 0 }", "{ status: 78 }"] {
        let place = Place::with_config(&format!(
            "jobs: {{ bad: {{ class: EndsTheProcess, options: {options} }} }}\n"
        ));
        let mut node = place.start(awkward_app(), &["run"]);
        let first = node.wait_for("starting another worker process");
        assert!(first.contains("crashes=1 delay_ms=0"), "{first}");
        let second = node.wait_for("starting another worker process");
        assert!(second.contains("crashes=2"), "{second}");
        assert!(!second.contains("delay_ms=0"), "{second}");
        let third = node.wait_for("starting another one");
        assert!(third.contains("crashes again and again"), "{third}");
        // It waits for the next start, and nothing runs.
        node.signal(Signal::TERM);
        assert_eq!(node.end(), Some(0));
    }
}

#[test]
fn a_configuration_that_is_wrong_is_told_once() {
    let place = Place::with_config("jobs: { bad: { class: Nope } }\n");
    let ended = place.app(&["run"]);
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert_eq!(ended.stderr.matches("Nope").count(), 2, "{}", ended.stderr);
    assert!(!ended.stderr.contains("worker process"), "{ended:?}");
}

#[test]
fn a_signal_that_reaches_both_processes_counts_once() {
    let config = format!("global: {{ shutdown_timeout: 1s }}\n{NEVER_UNLOCKS}");
    let place = Place::with_config(&config);
    let mut node = place.start(awkward_app(), &["run"]);
    node.wait_for("worker starts");
    node.signal_all(Signal::INT);
    node.wait_for("stopping; once more cancels");
    let ended = node.rest();
    assert_eq!(ended.code, Some(3));
    assert!(!ended.stderr.contains("cancelling"), "{}", ended.stderr);
}

#[test]
fn the_third_signal_ends_it_at_once() {
    let place = Place::with_config(NEVER_UNLOCKS);
    let mut node = place.start(awkward_app(), &["run"]);
    node.wait_for("worker starts");
    for said in ["stopping", "cancelling", "exiting at once"] {
        node.signal(Signal::TERM);
        node.wait_for(said);
    }
    assert_eq!(node.end(), Some(3));
}

#[test]
fn a_stopped_worker_process_does_not_hold_up_the_third_signal() {
    let place = Place::with_config(NEVER_UNLOCKS);
    let mut node = place.start(awkward_app(), &["run"]);
    node.wait_for("worker starts");
    node.signal_worker(Signal::STOP);
    // Signals that follow each other too quickly are one.
    while !node.has_ended() {
        node.signal(Signal::TERM);
        std::thread::yield_now();
    }
    assert_eq!(node.end(), Some(3));
}

#[test]
fn without_a_guardian_there_is_one_process() {
    let place = Place::with_config(TICKER);
    let mut node = place.start(PR_CLI, &["run", "--no-guardian"]);
    node.wait_for("tick");
    assert_eq!(node.worker(), None);
    node.signal(Signal::TERM);
    assert_eq!(node.end(), Some(0));
}

#[test]
fn the_worker_process_reads_the_standard_input() {
    let place = Place::with_config("jobs: { input: { class: ReadsInput } }\n");
    place.write("input", "one line\n");
    let input = std::fs::File::open(place.path().join("input")).unwrap();
    let mut command = place.command(awkward_app(), &["run"]);
    let mut node = Running::spawn(command.stdin(Stdio::from(input)));
    node.wait_for("read `one line`");
}

/// Interleaving 2.
#[test]
fn a_daemon_that_a_job_left_is_dead_before_its_slot_runs_again() {
    let place = Place::with_config(
        "jobs: { daemon: { class: LeavesADaemon, options: { file: ./signs } } }\n",
    );
    let mut node = place.start(awkward_app(), &["run"]);
    let signs = |pid: u32, what: &str| -> Vec<u128> {
        let said = std::fs::read_to_string(place.path().join("signs")).unwrap_or_default();
        let lead = format!("{pid} {what} ");
        let times = said.lines().filter_map(|line| line.strip_prefix(&lead));
        // The last line may be half of one.
        times
            .filter(|time| time.len() == 19)
            .map(|time| time.parse().unwrap())
            .collect()
    };
    node.wait_for("worker starts");
    let first = node.worker().unwrap().as_raw_nonzero().get() as u32;
    while signs(first, "alive").len() < 3 {
        std::thread::yield_now();
    }
    node.signal_worker(Signal::KILL);
    node.wait_for("worker starts");
    let second = node.worker().unwrap().as_raw_nonzero().get() as u32;
    while signs(second, "alive").len() < 3 {
        std::thread::yield_now();
    }
    let (last, began) = (signs(first, "alive").pop(), signs(second, "began").pop());
    assert!(last < began, "{last:?} {began:?}");
    node.signal(Signal::TERM);
    assert_eq!(node.end(), Some(0));
    let last = signs(second, "alive").len();
    assert_eq!(signs(second, "alive").len(), last, "nothing of it is left");
}

#[test]
fn what_was_there_before_the_guardian_is_left_alone() {
    let place = Place::with_config(TICKER);
    let script = format!("PR_TEST_MARK=before sleep 1000 & exec {PR_CLI} run");
    let mut node = place.start("sh", &["-c", &script]);
    node.wait_for("tick");
    node.signal_worker(Signal::KILL);
    node.wait_for("starting another worker process");
    node.wait_for("tick");
    assert_eq!(alive("PR_TEST_MARK=before"), 1);
    drop(node);
    wait_until_none("PR_TEST_MARK=before");
}

#[test]
fn on_the_embedded_etcd_a_killed_worker_process_is_back_long_before_its_lease_runs_out() {
    let place = Place::with_config(TICKER);
    let mut node = place.start(PR_CLI, &["run"]);
    node.wait_for("tick");
    let began = std::time::Instant::now();
    node.signal_worker(Signal::KILL);
    node.wait_for("what the worker process had is free");
    node.wait_for("tick");
    // The lease is one of ten seconds, and a re-opened store renews it.
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    node.signal(Signal::TERM);
    assert_eq!(node.end(), Some(0));
}

#[test]
fn a_worker_process_without_a_guardian_says_how_it_is_meant() {
    let ended = Place::with_config(TICKER).pr_cli(&["--pr-worker", "run"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("`run` starts it by itself"),
        "{ended:?}"
    );
}
