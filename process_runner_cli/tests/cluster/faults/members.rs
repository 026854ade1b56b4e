//! Members of etcd that hang, die and come back.
//!
//! `PR_STALE_LEADERS` sets how often a leader is paused and resumed (1 unless set)
//! and `PR_STALE_SEED` for how long each time,
//! `PR_OUTAGE_SECONDS` how long the long outage lasts (14 unless set).

use std::time::{Duration, Instant};

use tests::etcd::{Etcd, EtcdOptions, VERSIONS};
use tests::history::What;
use tests::proxy::Network;

use super::{INDEXES, Stage, last, number};

/// Once etcd answers again, every index runs again within this time.
const AGAIN: Duration = Duration::from_secs(2);

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
        let mut rng = fastrand::Rng::with_seed(number("PR_STALE_SEED", 6));
        for _ in 0..number("PR_STALE_LEADERS", 1) {
            let leader = stage.etcd.leader().unwrap();
            stage.etcd.pause_member(leader).unwrap();
            last(Duration::from_millis(rng.u64(4000..8000)));
            stage.history.note(What::LeaderWoken);
            stage.etcd.resume_member(leader).unwrap();
            stage.until_all_run();
            stage.until_each_works();
        }
        // Whoever runs this etcd is told what it may do.
        for said in stage.end() {
            let warned = said.iter().filter(|line| line.contains("etcd#15247"));
            let warned: Vec<_> = warned.collect();
            // The leader may stand still already when it is asked.
            let members = warned.iter().map(|line| line.matches("http://").count());
            assert!(members.sum::<usize>() >= 2, "{said:#?}");
            assert_eq!(warned.len(), 1, "all have one version: {said:#?}");
        }
    }
}

/// As above, for a node that has nobody else to ask: it loses its lease at the new leader while the old
/// one, awake again, says that it was renewed.
#[test]
fn f6_a_node_that_reaches_the_paused_leader_alone_does_not_believe_it() {
    for version in VERSIONS {
        let stage = Stage::new(version, 3, 5);
        let mut rng = fastrand::Rng::with_seed(number("PR_STALE_SEED", 6));
        for _ in 0..number("PR_STALE_LEADERS", 1) {
            let leader = stage.etcd.leader().unwrap();
            stage.leave_only(leader);
            stage.until_even();
            stage.etcd.pause_member(leader).unwrap();
            last(Duration::from_millis(rng.u64(5500..9000)));
            stage.history.note(What::LeaderWoken);
            stage.etcd.resume_member(leader).unwrap();
            last(Duration::from_secs(5));
            stage.network(Network::Passes);
            stage.until_even();
            stage.until_each_works();
        }
        stage.end();
    }
}

/// As above, and the old leader wakes up alone, so that its watches tell nothing either: for a second or
/// two it says yes to every renewal, while the lease runs out at the others. Only an answer that most of
/// them gave counts.
#[test]
fn f6_a_paused_leader_that_wakes_up_alone_is_not_believed_while_its_watch_is_silent() {
    for version in VERSIONS {
        let options = EtcdOptions::new(version).members(3).splittable();
        let etcd = options.start().unwrap();
        let leader = etcd.leader().unwrap();
        // Its lease is long, so that it is good for a while yet when the leader wakes up.
        let stage = Stage::knowing(etcd, 20, |member| member == leader);
        stage.etcd.split_off(leader).unwrap();
        stage.etcd.pause_member(leader).unwrap();
        last(Duration::from_secs(10));
        stage.history.note(What::LeaderWoken);
        stage.etcd.resume_member(leader).unwrap();
        stage.place.status_when(|status| {
            status["running"] == INDEXES && status["nodes"].as_array().unwrap().len() == 1
        });
        stage.until_each_works();
        stage.etcd.join_again();
        stage.until_even();
        stage.end();
    }
}

#[test]
fn f8_f9_a_quorum_that_is_away_for_three_seconds_disturbs_nobody() {
    for version in VERSIONS {
        let mut stage = Stage::new(version, 3, 10);
        let quorum = [0, 1];
        let pause = |etcd: &mut Etcd| {
            quorum
                .iter()
                .for_each(|member| etcd.pause_member(*member).unwrap());
        };
        disturbs_nobody(&mut stage, pause, |etcd| {
            quorum
                .iter()
                .for_each(|member| etcd.resume_member(*member).unwrap());
            etcd.until_healthy().unwrap();
        });
        // All of it, dead, and back with its data.
        disturbs_nobody(&mut stage, Etcd::kill, |etcd| etcd.start_again().unwrap());
        stage.end();
    }
}

/// With a lease of 10 s: from the last renewal before the outage, 2 s ago, 7 s in which work may go on,
/// less the attempt that is under way when etcd answers again: a member that has no leader looks for one
/// once a second while a renewal waits.
const TOLERATED: Duration = Duration::from_millis(7_000 - 2_000 - 1_000);

/// Workers keep what they have, and work on, through an outage of about three seconds. How long etcd needs
/// to start and to elect a leader, nobody can say: one that took longer than [`TOLERATED`] and did disturb
/// them is tried again.
#[expect(
    clippy::print_stderr,
    reason = "what was measured is shown to whoever asks"
)]
fn disturbs_nobody<B>(stage: &mut Stage, begin: impl Fn(&mut Etcd) -> B, end: impl Fn(&mut Etcd)) {
    for _ in 0..5 {
        // Time for renewals, and for whoever was disturbed before.
        last(Duration::from_secs(5));
        let fences = stage.fences();
        let began = Instant::now();
        begin(&mut stage.etcd);
        last(Duration::from_millis(2_500));
        stage.until_each_works();
        end(&mut stage.etcd);
        let took = began.elapsed();
        eprintln!("etcd was away for {took:?}");
        // Whoever has not renewed yet may still be disturbed.
        last(Duration::from_secs(3));
        let after = stage.fences();
        if after == fences {
            return;
        }
        if took <= TOLERATED {
            let said = stage.stop();
            panic!("{took:?} disturbed {fences:?}, now {after:?}: {said:#?}");
        }
    }
    panic!("this machine is too slow: etcd is never back within {TOLERATED:?}");
}

#[test]
fn f10_an_etcd_that_is_dead_for_longer_than_the_lease_is_back_and_all_run_again_within_two_seconds()
{
    for version in VERSIONS {
        outage(Stage::new(version, 1, 5), Etcd::kill, |etcd| {
            etcd.start_again().unwrap();
        });
    }
}

/// Not dead, so it does not begin anew: it finds that every lease ran out, and the nodes join again.
#[test]
fn f10_an_etcd_that_hangs_for_longer_than_the_lease_is_back_and_all_run_again_within_two_seconds() {
    for version in VERSIONS {
        let hangs = |etcd: &mut Etcd| etcd.pause().unwrap();
        outage(Stage::new(version, 1, 5), hangs, |etcd| {
            etcd.resume().unwrap();
            etcd.until_healthy().unwrap();
        });
    }
}

#[expect(
    clippy::print_stderr,
    reason = "what was measured is shown to whoever asks"
)]
/// All stop at the deadline, and all run again soon after its end, in the processes that were there.
fn outage(mut stage: Stage, begin: impl Fn(&mut Etcd), end: impl Fn(&mut Etcd)) {
    let workers = stage.workers();
    begin(&mut stage.etcd);
    last(Duration::from_secs(6));
    let stopped = stage.history.iterations();
    last(Duration::from_secs(number("PR_OUTAGE_SECONDS", 14) - 6));
    let late = stage.history.iterations();
    assert_eq!(late, stopped, "nothing begins after the deadline");
    end(&mut stage.etcd);
    let back = Instant::now();
    stage.until_each_works();
    let took = back.elapsed();
    eprintln!("all ran again after {took:?}");
    assert!(took < AGAIN, "{took:?}");
    assert_eq!(workers, stage.workers(), "no process was started anew");
    stage.end();
}
