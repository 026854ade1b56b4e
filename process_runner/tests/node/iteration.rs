//! One iteration, with everything that user code can do to it.

use std::time::Duration;

use process_runner::NodeEnd;

use super::cluster::{Cluster, Running};

/// A configuration of one scripted job; the rest are its settings.
fn scripted(options: &str, settings: &str) -> String {
    format!(
        "  work: {{ class: Scripted, retry: {{ record: 1, min: 1s, max: 10s }}, {settings} \
         options: {{ {options} }} }}\n"
    )
}

async fn drained(options: &str, settings: &str) -> Vec<String> {
    let cluster = Cluster::new();
    let jobs = scripted(options, settings);
    let node = Cluster::run(cluster.node("a", &jobs).until_idle(true));
    assert_eq!(node.task.await.unwrap().unwrap(), NodeEnd::Clean);
    cluster.log.lines()
}

async fn started(options: &str, settings: &str) -> (Cluster, Running) {
    let cluster = Cluster::new();
    let node = cluster.start("a", &scripted(options, settings));
    (cluster, node)
}

fn count(lines: &[String], line: &str) -> usize {
    lines.iter().filter(|l| *l == line).count()
}

#[tokio::test(start_paused = true)]
async fn the_hooks_come_in_order() {
    let lines = drained("script: [ok]", "").await;
    let expected = [
        "prepare",
        "before",
        "locking",
        "locked",
        "process ok",
        "done ok",
        "unlock",
        "after",
        "before",
        "locking",
        "unlock",
        "after",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_fails_or_panics_stops_no_other() {
    let lines = drained("script: [fail, panic, ok]", "").await;
    assert_eq!(count(&lines, "done ok"), 1);
    assert_eq!(count(&lines, "process fail"), 2, "one retry");
    assert_eq!(count(&lines, "process panic"), 2, "one retry");
    assert_eq!(count(&lines, "quarantine fail: failed"), 1);
    assert_eq!(
        count(
            &lines,
            "quarantine panic: panicked: a bug in process_record"
        ),
        1
    );
    let ok = lines.iter().position(|l| l == "done ok").unwrap();
    let again = lines.iter().rposition(|l| l == "process fail").unwrap();
    assert!(
        again > ok,
        "a failed record comes again after the others: {lines:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_an_error_says_about_trying_again_counts() {
    let lines = drained("script: [for_good, for_now]", "").await;
    assert_eq!(count(&lines, "process for_good"), 1);
    assert_eq!(count(&lines, "quarantine for_good: never"), 1);
    assert_eq!(count(&lines, "process for_now"), 2);
    assert!(
        !lines.iter().any(|l| l.starts_with("quarantine for_now")),
        "{lines:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_record_that_takes_too_long_is_dropped() {
    let lines = drained("script: [slow, ok]", "record_timeout: 5s,").await;
    assert_eq!(count(&lines, "done slow"), 0);
    assert_eq!(count(&lines, "done ok"), 1);
    assert_eq!(count(&lines, "quarantine slow: timed out after 5s"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failing_lock_backs_off_and_tries_again() {
    let began = tokio::time::Instant::now();
    let lines = drained("script: [ok], lock: [error, error]", "").await;
    assert_eq!(count(&lines, "done ok"), 1);
    assert_eq!(
        count(&lines, "prepare"),
        1,
        "an error costs the job's value nothing"
    );
    assert_eq!(count(&lines, "unlock"), count(&lines, "before"));
    // 1 s, then 2 s, of each the upper half by chance.
    assert!(
        began.elapsed() >= Duration::from_millis(1500),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_outside_a_record_builds_the_job_afresh() {
    let lines = drained("script: [ok], lock: [panic]", "").await;
    assert_eq!(count(&lines, "prepare"), 2);
    assert_eq!(count(&lines, "done ok"), 1);
    assert_eq!(
        count(&lines, "unlock"),
        count(&lines, "before"),
        "unlocked even so"
    );
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_keeps_failing_is_given_up_when_it_should_drain() {
    let cluster = Cluster::new();
    let jobs = scripted("script: [ok], lock: [error, error, error, error]", "");
    let node = Cluster::run(cluster.node("a", &jobs).until_idle(true));
    assert_eq!(node.task.await.unwrap().unwrap(), NodeEnd::Failed);
}

#[tokio::test(start_paused = true)]
async fn an_abort_starts_the_worker_afresh() {
    let lines = drained("script: [abort, ok]", "").await;
    assert_eq!(count(&lines, "prepare"), 2);
    assert_eq!(
        count(&lines, "process ok"),
        0,
        "the batch ended with the abort"
    );
    assert!(!lines.iter().any(|l| l.starts_with("quarantine")));
}

#[tokio::test(start_paused = true)]
async fn a_sleep_ends_at_once_when_the_worker_is_to_stop() {
    let (cluster, node) = started("script: [sleep, ok]", "").await;
    cluster.log.wait_for("process sleep").await;
    let began = tokio::time::Instant::now();
    assert_eq!(node.stop().await, NodeEnd::Clean);
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    let lines = cluster.log.lines();
    assert_eq!(lines[lines.len() - 2..], ["unlock", "after"]);
    assert!(
        !lines.iter().any(|l| l.starts_with("quarantine")),
        "no failure: {lines:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_spawned_task_is_joined_before_the_slot_is_given_back() {
    let (cluster, node) = started("script: [spawn]", "").await;
    cluster.log.wait_for("done spawn").await;
    assert_eq!(node.stop().await, NodeEnd::Clean);
    assert_eq!(
        cluster.log.lines().last().map(String::as_str),
        Some("spawned ended")
    );
}

#[tokio::test(start_paused = true)]
async fn a_third_press_cuts_the_worker_off_and_unlocks_nothing() {
    let (cluster, node) = started("script: [slow]", "").await;
    cluster.log.wait_for("process slow").await;
    node.handle.stop();
    node.handle.stop();
    node.handle.stop();
    let end = node.task.await.unwrap().unwrap();
    assert_eq!(end, NodeEnd::CutOff { workers: 1 });
    assert_eq!(cluster.log.count("unlock"), 0);
}
