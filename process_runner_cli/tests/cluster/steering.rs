//! Steering commands on real nodes: each does what it says, and says what it did.

use rustix::process::Signal;
use serde_json::Value;
use tests::etcd::{Etcd, VERSIONS};

use crate::node::{Place, ticked};

fn place(etcd: &Etcd, workers: u32) -> Place {
    let endpoint = etcd.endpoint();
    let text = format!("{{ endpoints: [\"{endpoint}\"], prefix: /test, lease_ttl: 5s }}");
    Place::new(&text, workers)
}

/// What a command that succeeds prints.
fn said(place: &Place, command: &str) -> String {
    let words: Vec<_> = command.split(' ').collect();
    let output = place.output(&words);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{command}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn running(count: u64) -> impl Fn(&Value) -> bool {
    move |status| status["running"] == count && status["desired"] == count
}

/// How many slots each node has, by the order of `status`.
fn spread(status: &Value) -> Vec<u64> {
    let nodes = status["nodes"].as_array().unwrap().iter();
    nodes.map(|node| node["slots"].as_u64().unwrap()).collect()
}

#[test]
fn a_job_is_scaled_up_and_down_and_back() {
    for version in VERSIONS {
        let etcd = Etcd::start(version).unwrap();
        let place = place(&etcd, 3);
        let mut first = place.start("a");
        ticked(&mut first, "a", 0);
        let mut second = place.start("b");
        second.wait_for(|line| line.contains("joined")).unwrap();

        said(&place, "scale ticker 8");
        let status = place.status_when(running(8));
        assert_eq!(status["jobs"][0]["configured"], 3);
        said(&place, "scale ticker -5");
        place.status_when(|status| running(3)(status) && status["slots"][3].is_null());
        said(&place, "scale ticker +1");
        place.status_when(running(4));
        said(&place, "scale ticker 0");
        place.status_when(|status| spread(status) == [0, 0]);
        said(&place, "scale ticker --reset");
        let status = place.status_when(running(3));
        assert_eq!(status["jobs"][0]["overridden"], false);
    }
}

#[test]
fn a_paused_job_runs_nowhere_until_it_is_resumed() {
    let etcd = Etcd::start(VERSIONS[0]).unwrap();
    let place = place(&etcd, 2);
    let mut node = place.start("a");
    ticked(&mut node, "a", 1);
    said(&place, "pause ticker --reason migration");
    let status = place.status_when(|status| spread(status) == [0]);
    for slot in status["slots"].as_array().unwrap() {
        assert_eq!(slot["state"], "paused");
        assert!(slot["reason"].as_str().unwrap().ends_with(": migration"));
    }
    said(&place, "resume ticker");
    place.status_when(running(2));
}

#[test]
fn a_pause_for_a_time_ends_by_itself() {
    let etcd = Etcd::start(VERSIONS[0]).unwrap();
    let place = place(&etcd, 2);
    let mut node = place.start("a");
    ticked(&mut node, "a", 1);
    said(&place, "pause ticker --for 3s");
    place.status_when(|status| status["jobs"][0]["paused"].is_object() && spread(status) == [0]);
    let status = place.status_when(running(2));
    assert_eq!(status["jobs"][0]["paused"], Value::Null);
}

#[test]
fn a_restart_starts_the_worker_afresh_where_it_is() {
    let etcd = Etcd::start(VERSIONS[0]).unwrap();
    let place = place(&etcd, 2);
    let mut node = place.start("a");
    ticked(&mut node, "a", 1);
    let text = said(&place, "restart ticker@1");
    assert!(
        text.starts_with("ticker: 1 worker on 1 node told\n"),
        "{text}"
    );
    node.wait_for(|line| line.contains("worker starts") && line.contains("index=1"))
        .unwrap();
    ticked(&mut node, "a", 1);
    place.status_when(running(2));
}

#[test]
fn a_kick_ends_the_wait_of_a_worker() {
    let etcd = Etcd::start(VERSIONS[0]).unwrap();
    let place = place(&etcd, 1);
    let config = format!(
        "etcd: {{ endpoints: [\"{}\"], prefix: /test, lease_ttl: 5s }}\njobs:\n  ticker:\n    class: \
         Command\n    interval: 1h\n    options: {{ command: [sh, -c, 'echo tick $PR_WORKER_INDEX \
         fence $PR_FENCE on $PR_NODE'] }}\n",
        etcd.endpoint()
    );
    place.write("config.yml", &config);
    let mut node = place.start("a");
    ticked(&mut node, "a", 0);
    said(&place, "kick ticker");
    // Long before the hour is over.
    ticked(&mut node, "a", 0);
}

#[test]
fn a_quiet_node_hands_its_slots_over_and_takes_them_again() {
    let etcd = Etcd::start(VERSIONS[1]).unwrap();
    let place = place(&etcd, 4);
    let mut first = place.start("a");
    ticked(&mut first, "a", 0);
    let mut second = place.start("b");
    second.wait_for(|line| line.contains("joined")).unwrap();
    place.status_when(|status| running(4)(status) && spread(status) == [2, 2]);

    let text = said(&place, "quiet a");
    assert!(text.starts_with("node a: up -> quiet (2 slots"), "{text}");
    let status = place.status_when(|status| running(4)(status) && spread(status) == [0, 4]);
    assert_eq!(status["nodes"][0]["state"], "quiet");
    let text = said(&place, "explain ticker");
    assert!(text.contains("no: is quiet"), "{text}");
    let text = said(&place, "resume-node a");
    assert!(text.starts_with("node a: quiet -> up"), "{text}");
    place.status_when(|status| running(4)(status) && spread(status) == [2, 2]);
}

#[test]
fn a_drained_node_hands_over_and_leaves_with_0() {
    for version in VERSIONS {
        let etcd = Etcd::start(version).unwrap();
        let place = place(&etcd, 4);
        let mut first = place.start("a");
        ticked(&mut first, "a", 0);
        let mut second = place.start("b");
        second.wait_for(|line| line.contains("joined")).unwrap();
        place.status_when(|status| running(4)(status) && spread(status) == [2, 2]);
        let text = said(&place, "drain a --wait");
        assert!(text.starts_with("node a: up -> left"), "{text}");
        let ended = first.finish().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{:#?}", ended.lines);
        let status = place.status_when(running(4));
        assert_eq!(spread(&status), [4], "{version:?}");
    }
}

#[test]
fn a_drain_that_takes_too_long_is_3_and_goes_on() {
    let etcd = Etcd::start(VERSIONS[0]).unwrap();
    let place = place(&etcd, 1);
    let config = format!(
        "etcd: {{ endpoints: [\"{}\"], prefix: /test, lease_ttl: 5s }}\nglobal: {{ \
         shutdown_timeout: 60s }}\njobs:\n  ticker:\n    class: Command\n    options: {{ command: \
         [sh, -c, 'trap \"\" TERM; echo tick $PR_WORKER_INDEX fence $PR_FENCE on $PR_NODE; sleep \
         5'], stop_timeout: 30s }}\n",
        etcd.endpoint()
    );
    place.write("config.yml", &config);
    let mut node = place.start("a");
    ticked(&mut node, "a", 0);
    let output = place.output(&["drain", "a", "--wait", "--timeout", "100ms"]);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(errors.contains("node a: 1 slot to hand over"), "{errors}");
    assert!(
        errors.contains("node `a` has not left after 100ms"),
        "{errors}"
    );
    assert_eq!(node.finish().unwrap().status.code(), Some(0));
}

#[test]
fn a_stopped_node_exits_and_a_dump_is_in_its_log() {
    let etcd = Etcd::start(VERSIONS[0]).unwrap();
    let place = place(&etcd, 1);
    let mut node = place.start("a");
    ticked(&mut node, "a", 0);
    said(&place, "dump a");
    node.wait_for(|line| line.contains("worker table")).unwrap();
    said(&place, "stop a");
    assert_eq!(node.finish().unwrap().status.code(), Some(0));
}

#[test]
fn a_node_that_is_suspended_does_not_answer_and_does_not_obey_later() {
    let etcd = Etcd::start(VERSIONS[0]).unwrap();
    let place = place(&etcd, 1);
    // A lease that outlives the command's patience.
    let text = std::fs::read_to_string(place.path().join("config.yml")).unwrap();
    place.write(
        "config.yml",
        &text.replace("lease_ttl: 5s", "lease_ttl: 60s"),
    );
    let mut node = place.start("a");
    ticked(&mut node, "a", 0);
    node.signal_worker(Signal::STOP).unwrap();
    let output = place.output(&["quiet", "a"]);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("node `a` did not answer"), "{errors}");
    node.signal_worker(Signal::CONT).unwrap();
    ticked(&mut node, "a", 0);
    assert_eq!(place.status()["nodes"][0]["state"], "up");
}
