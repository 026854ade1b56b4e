//! Members of etcd that hang, die and come back.
//!
//! `PR_STALE_LEADERS` sets how often a leader is paused and resumed (1 unless set),
//! `PR_OUTAGE_SECONDS` how long the long outage lasts (14 unless set).

use std::time::{Duration, Instant};

use tests::etcd::{VERSIONS, Version};
use tests::proxy::Network;

use super::{Stage, last, number};

#[test]
fn f5_f7_members_that_die_or_hang_one_after_the_other_disturb_nobody() {
    for version in VERSIONS {
        let mut stage = Stage::new(version, 3, 10);
        let fences = stage.fences();
        // The leader first: the others elect another one.
        let leader = stage.etcd.leader().unwrap();
        for member in [leader, (leader + 1) % 3, (leader + 2) % 3] {
            stage.etcd.kill_member(member);
            last(Duration::from_secs(3));
            stage.etcd.start_member(member).unwrap();
            stage.until_each_works();
        }
        let hangs = (leader + 1) % 3;
        stage.etcd.pause_member(hangs).unwrap();
        last(Duration::from_secs(4));
        stage.etcd.resume_member(hangs).unwrap();
        assert_eq!(stage.fences(), fences, "{version:?}");
        stage.end();
    }
}

/// The leader acknowledges renewals for a while that it can no longer make. Whoever believes it works
/// on while others have its slots already.
#[test]
fn f6_a_leader_that_was_paused_and_acknowledges_what_it_cannot_make() {
    for version in VERSIONS {
        let stage = Stage::new(version, 3, 5);
        let mut rng = fastrand::Rng::with_seed(6);
        for _ in 0..number("PR_STALE_LEADERS", 1) {
            let leader = stage.etcd.leader().unwrap();
            stage.etcd.pause_member(leader).unwrap();
            last(Duration::from_millis(rng.u64(4000..8000)));
            stage.etcd.resume_member(leader).unwrap();
            stage.until_all_run();
            stage.until_each_works();
        }
        stage.end();
    }
}

/// As above, for a node that has nobody else to ask: it loses its lease at the new leader while the old
/// one, awake again, says that it was renewed.
#[test]
fn f6_a_node_that_reaches_the_paused_leader_alone_does_not_believe_it() {
    for version in VERSIONS {
        let stage = Stage::new(version, 3, 5);
        let mut rng = fastrand::Rng::with_seed(6);
        for _ in 0..number("PR_STALE_LEADERS", 1) {
            let leader = stage.etcd.leader().unwrap();
            for (member, proxy) in stage.network.iter().enumerate() {
                proxy.set(match member == leader {
                    true => Network::Passes,
                    false => Network::Refuses,
                });
            }
            stage.until_even();
            stage.etcd.pause_member(leader).unwrap();
            last(Duration::from_millis(rng.u64(5500..9000)));
            stage.etcd.resume_member(leader).unwrap();
            last(Duration::from_secs(5));
            stage
                .network
                .iter()
                .for_each(|proxy| proxy.set(Network::Passes));
            stage.until_even();
            stage.until_each_works();
        }
        stage.end();
    }
}

#[test]
fn f8_f9_a_quorum_that_is_away_for_three_seconds_disturbs_nobody() {
    for version in VERSIONS {
        let mut stage = Stage::new(version, 3, 10);
        let fences = stage.fences();
        stage.etcd.pause_member(0).unwrap();
        stage.etcd.pause_member(1).unwrap();
        last(Duration::from_secs(3));
        stage.until_each_works();
        stage.etcd.resume_member(0).unwrap();
        stage.etcd.resume_member(1).unwrap();
        assert_eq!(stage.fences(), fences, "{version:?}");
        // Time for renewals.
        last(Duration::from_secs(5));
        // All of it, dead, and back with its data.
        stage.etcd.kill();
        last(Duration::from_secs(3));
        stage.until_each_works();
        stage.etcd.start_again().unwrap();
        assert_eq!(stage.fences(), fences, "{version:?}");
        stage.end();
    }
}

#[test]
fn f10_an_outage_longer_than_the_lease_stops_all_and_all_run_again_when_it_ends() {
    let mut stage = Stage::new(Version::V35, 1, 5);
    let workers: Vec<_> = stage
        .nodes
        .iter()
        .map(|node| node.worker(None).unwrap())
        .collect();
    stage.etcd.kill();
    last(Duration::from_secs(6));
    let stopped = stage.history.iterations();
    last(Duration::from_secs(number("PR_OUTAGE_SECONDS", 14) - 6));
    assert_eq!(
        stage.history.iterations(),
        stopped,
        "nothing begins after the deadline"
    );
    stage.etcd.start_again().unwrap();
    let back = Instant::now();
    stage.until_each_works();
    // Bounded by the leases: they are armed anew when etcd is back.
    assert!(
        back.elapsed() < Duration::from_secs(10),
        "{:?}",
        back.elapsed()
    );
    let still: Vec<_> = stage
        .nodes
        .iter()
        .map(|node| node.worker(None).unwrap())
        .collect();
    assert_eq!(workers, still, "no process was started anew");
    stage.end();
}
