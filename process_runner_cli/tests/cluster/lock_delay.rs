//! `lock_delay` between processes on a real etcd: after a `kill -9` the next worker waits, whether a guardian
//! freed the slot at once or its lease had to run out.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use tests::etcd::{Etcd, Version};
use tests::program::Program;

use crate::node::{Place, ticked};

const LEASE: Duration = Duration::from_secs(5);
/// So long that a lease that runs out is not taken for it.
const DELAY: Duration = Duration::from_secs(6);

fn place(etcd: &Etcd) -> Place {
    let endpoint = etcd.endpoint();
    let place = Place::new("{ embedded: true }", 1);
    let config = format!(
        "etcd: {{ endpoints: [\"{endpoint}\"], prefix: /test, lease_ttl: 5s }}\njobs:\n  ticker:\n    \
         class: Command\n    lock_delay: 6s\n    interval: 20ms\n    options:\n      command: [sh, -c, \
         'echo tick $PR_WORKER_INDEX fence $PR_FENCE on $PR_NODE']\n"
    );
    place.write("config.yml", &config);
    place
}

fn waits(slot: &Value, node: &str) -> bool {
    let reason = slot["reason"].as_str().unwrap_or_default();
    slot["node"] == node && slot["state"] == "waiting" && reason.contains("lock_delay")
}

/// `b` has the slot and waits: everybody who asks is told why, and it begins in time.
fn begins_late(place: &Place, b: &mut Program, killed: Instant, freed_after: Duration) {
    let status = place.status_when(|status| waits(&status["slots"][0], "b"));
    let reason = status["slots"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("; another "), "{reason}");
    for words in [["explain", "ticker@0"].as_slice(), &["workers"]] {
        let said = place.output(&[words, &["-c", "config.yml"]].concat());
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        assert!(said.contains("waiting for `lock_delay`"), "{said}");
    }
    ticked(b, "b", 0);
    let took = killed.elapsed();
    assert!(took >= freed_after + DELAY, "{took:?}");
    assert!(took < LEASE + DELAY + Duration::from_secs(10), "{took:?}");
}

#[test]
fn after_a_revoked_lease_the_next_worker_waits_for_lock_delay_and_after_a_drain_it_does_not() {
    let etcd = Etcd::start(Version::V34).unwrap();
    let place = place(&etcd);
    let mut a = place.start("a");
    ticked(&mut a, "a", 0);
    let mut b = place.start("b");
    b.wait_for(|line| line.contains("joined")).unwrap();
    let killed = Instant::now();
    a.signal_worker(Signal::KILL).unwrap();
    begins_late(&place, &mut b, killed, Duration::ZERO);

    // It ends cleanly: whoever comes next begins at once.
    let drained = Instant::now();
    b.signal(Signal::TERM).unwrap();
    ticked(&mut a, "a", 0);
    assert!(drained.elapsed() < DELAY, "{:?}", drained.elapsed());
    b.finish().unwrap().success().unwrap();
}

#[test]
fn after_a_lease_that_ran_out_the_next_worker_waits_for_lock_delay() {
    let etcd = Etcd::start(Version::V35).unwrap();
    let place = place(&etcd);
    let mut a = place.start_alone("a");
    ticked(&mut a, "a", 0);
    let mut b = place.start_alone("b");
    b.wait_for(|line| line.contains("joined")).unwrap();
    let killed = Instant::now();
    a.signal(Signal::KILL).unwrap();
    // The last renewal is a second old at most.
    begins_late(&place, &mut b, killed, LEASE - Duration::from_secs(2));
}
