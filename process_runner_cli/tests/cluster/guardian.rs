//! Crashes of worker processes and guardians, between two nodes on a real etcd.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, test_kill_process};
use tests::etcd::{Etcd, VERSIONS, Version};

use crate::history::History;
use crate::node::{Place, ticked};

/// Far longer than anything here takes that does not wait for a lease.
const TTL: &str = "20s";

fn section(etcd: &Etcd, ttl: &str) -> String {
    let endpoint = etcd.endpoint();
    format!("{{ endpoints: [\"{endpoint}\"], prefix: /test, lease_ttl: {ttl} }}")
}

/// Interleaving 2.
#[test]
fn slots_of_a_killed_worker_process_run_elsewhere_at_once_and_its_programs_are_dead_by_then() {
    for version in VERSIONS {
        let etcd = Etcd::start(version).unwrap();
        let place = Place::new(&section(&etcd, TTL), 1);
        let history = History::observing(place.path(), &etcd, "/test");
        let config = format!(
            "etcd: {}\njobs:\n{}",
            section(&etcd, TTL),
            history.job("work", 4)
        );
        place.write("config.yml", &config);
        let nodes = [place.start("a"), place.start("b")];
        place.status_when(|status| status["running"] == 4 && status["nodes"][1]["slots"] == 2);
        let began = Instant::now();
        for node in &nodes {
            let killed = node.signal_worker(Signal::KILL).unwrap();
            node.worker(Some(killed)).unwrap();
            place.status_when(|status| {
                let both = status["nodes"]
                    .as_array()
                    .is_some_and(|nodes| nodes.len() == 2);
                both && status["running"] == 4
            });
        }
        assert!(began.elapsed().as_secs() < 15, "{:?}", began.elapsed());
        for node in nodes {
            node.signal(Signal::TERM).unwrap();
            let ended = node.finish().unwrap();
            assert_eq!(ended.status.code(), Some(0), "{:#?}", ended.lines);
        }
        history.judge();
    }
}

#[test]
fn a_worker_process_that_is_stopped_past_its_deadline_is_killed_before_anybody_has_its_slots() {
    let etcd = Etcd::start(Version::V35).unwrap();
    let place = Place::new(&section(&etcd, "5s"), 1);
    let history = History::observing(place.path(), &etcd, "/test");
    let config = format!(
        "etcd: {}\njobs:\n{}",
        section(&etcd, "5s"),
        history.job("work", 3)
    );
    place.write("config.yml", &config);
    let mut stopped = place.start("a");
    stopped
        .wait_for(|line| line.contains("worker starts"))
        .unwrap();
    let mut other = place.start("b");
    other.wait_for(|line| line.contains("joined")).unwrap();
    let pid = stopped.signal_worker(Signal::STOP).unwrap();
    stopped
        .wait_for(|line| line.contains("the worker process is stopped or wedged"))
        .unwrap();
    stopped
        .wait_for(|line| line.contains("what the worker process had is free"))
        .unwrap();
    assert!(is_gone(pid));
    for _ in 0..3 {
        other
            .wait_for(|line| line.contains("worker starts"))
            .unwrap();
    }
    for node in [stopped, other] {
        node.signal(Signal::TERM).unwrap();
        node.finish().unwrap().success().unwrap();
    }
    history.judge();
}

/// Interleaving 10.
#[test]
fn a_worker_process_that_waits_for_etcd_is_not_killed_and_goes_on_by_itself() {
    for workers in [0, 2] {
        let etcd = Etcd::start(Version::V34).unwrap();
        let place = Place::new(&section(&etcd, "5s"), workers);
        let mut node = place.start("a");
        node.wait_for(|line| line.contains("joined")).unwrap();
        if workers > 0 {
            ticked(&mut node, "a", 0);
        }
        let worker = node.worker(None).unwrap();
        etcd.pause().unwrap();
        node.wait_for(|line| line.contains("the lease may have run out"))
            .unwrap();
        // The lease would run out a second after that, and the guardian kills within half of one.
        let until = Instant::now() + Duration::from_secs(3);
        while Instant::now() < until {
            assert_eq!(node.worker(None).unwrap(), worker);
            std::thread::yield_now();
        }
        etcd.resume().unwrap();
        if workers > 0 {
            ticked(&mut node, "a", 0);
        } else {
            node.wait_for(|line| line.contains("the lease is firm") || line.contains("joined"))
                .unwrap();
        }
        node.signal(Signal::TERM).unwrap();
        let lines = node.finish().unwrap().success().unwrap();
        let restarted = lines
            .iter()
            .any(|line| line.contains("another worker process"));
        assert!(!restarted, "{lines:#?}");
    }
}

#[test]
fn when_the_guardian_is_killed_its_worker_process_drains() {
    let etcd = Etcd::start(Version::V35).unwrap();
    let place = Place::new(&section(&etcd, TTL), 2);
    let mut first = place.start("a");
    let fence = ticked(&mut first, "a", 0);
    let mut second = place.start("b");
    second.wait_for(|line| line.contains("joined")).unwrap();
    let worker = first.worker(None).unwrap();
    let began = Instant::now();
    first.signal(Signal::KILL).unwrap();
    first
        .wait_for(|line| line.contains("the guardian is gone; draining"))
        .unwrap();
    let ended = first.finish().unwrap();
    assert!(
        ended.lines.iter().any(|line| line.contains("left")),
        "{ended:#?}"
    );
    assert!(ticked(&mut second, "b", 0) > fence);
    assert!(began.elapsed().as_secs() < 15, "{:?}", began.elapsed());
    // Its streams are closed by its end; whoever inherited it reaps it in a moment.
    let until = Instant::now() + Duration::from_secs(30);
    while !is_gone(worker) {
        assert!(Instant::now() < until, "it is still there");
        std::thread::yield_now();
    }
}

#[test]
fn how_often_it_crashed_lately_is_known_in_the_cluster() {
    let etcd = Etcd::start(Version::V34).unwrap();
    let place = Place::new(&section(&etcd, TTL), 2);
    let mut node = place.start("a");
    ticked(&mut node, "a", 1);
    node.signal_worker(Signal::KILL).unwrap();
    node.wait_for(|line| line.contains("joined")).unwrap();
    ticked(&mut node, "a", 1);
    place.status_when(|status| status["nodes"][0]["crashes"] == 1);
}

#[test]
fn a_quiet_node_stays_quiet_after_a_crash() {
    let etcd = Etcd::start(Version::V34).unwrap();
    let place = Place::new(&section(&etcd, TTL), 1);
    let mut node = place.start("a");
    ticked(&mut node, "a", 0);
    node.signal(Signal::USR1).unwrap();
    node.wait_for(|line| line.contains("quiet: handing over"))
        .unwrap();
    node.signal_worker(Signal::KILL).unwrap();
    node.wait_for(|line| line.contains("joined")).unwrap();
    place.status_when(|status| status["nodes"][0]["state"] == "quiet");
}

/// Dead, reaped or not.
fn is_gone(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    let zombie = stat.is_ok_and(|stat| stat.rsplit(')').next().unwrap().trim().starts_with('Z'));
    zombie || test_kill_process(pid).is_err()
}
