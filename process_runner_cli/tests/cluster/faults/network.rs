//! The network between one node and etcd.

use std::time::{Duration, Instant};

use process_runner::Clock;
use tests::etcd::{EtcdOptions, VERSIONS, Version};
use tests::proxy::Network;

use super::{INDEXES, Stage, last};

impl Stage {
    /// From now on node `a` talks to this member, until something there fails.
    fn lead_to(&self, member: usize) {
        self.leave_only(member);
        // Longer than until the first renewal, which comes after one to two periods: the others would have
        // lost it by now.
        last(Duration::from_secs(5));
        self.network(Network::Passes);
    }

    /// How long it takes until one of the others leads, if this member is split off.
    fn until_others_lead(&self, member: usize) -> Duration {
        let began = Instant::now();
        while !(0..3).any(|other| other != member && self.etcd.leads(other)) {
            assert!(began.elapsed() < Duration::from_secs(10), "nobody leads");
            last(Duration::from_millis(20));
        }
        began.elapsed()
    }
}

#[test]
fn f12_a_node_without_a_network_stops_before_another_one_has_its_slots() {
    for version in VERSIONS {
        for network in [Network::Silent, Network::Refuses] {
            let stage = Stage::new(version, 1, 5);
            stage.network(network);
            stage.place.status_when(|status| {
                status["running"] == INDEXES && status["nodes"].as_array().unwrap().len() == 1
            });
            stage.until_each_works();
            stage.network(Network::Passes);
            stage.until_even();
            stage.end();
        }
    }
}

/// A member without the others answers, and can do nothing. The node that talks to it turns to one that
/// can, with its next renewal, whether that member was the leader or not.
#[test]
fn f13_a_node_whose_member_is_split_off_from_the_others_turns_to_another_within_one_renewal() {
    for version in VERSIONS {
        for leads in [true, false] {
            let options = EtcdOptions::new(version).members(3).splittable();
            let stage = Stage::on(options, 10);
            let fences = stage.fences();
            let leader = stage.etcd.leader().unwrap();
            let member = if leads { leader } else { (leader + 1) % 3 };
            stage.lead_to(member);
            stage.etcd.split_off(member).unwrap();
            let split = Clock::boot().unix_ms();
            let elected = stage.until_others_lead(member);
            last(Duration::from_secs(12).saturating_sub(elected));
            assert!(!stage.etcd.has_leader(member).unwrap(), "nothing was split");
            stage.until_each_works();
            // Before it comes back: that makes the others elect anew, which takes etcd 3.4 five seconds at times.
            let mut after = stage.fences();
            let joins = Clock::boot().unix_ms();
            stage.etcd.join_again();
            if version == Version::V35 {
                // With its pre-vote, who comes back does not depose the leader.
                last(Duration::from_secs(4));
                after = stage.fences();
            }
            let mut said = stage.end().swap_remove(0);
            assert_eq!(
                after, fences,
                "{version:?}, split at {split}, elected after {elected:?}: {said:#?}"
            );
            said.retain(|line| was_said_before(line, joins) && !was_said_before(line, split));
            let left = least_validity(&said).expect("the split was not noticed");
            // Of 8 s after a renewal 2 s go by until the next one, and 1 s until that is given up. The member
            // asked then may wait for the lost leader, and after 1 s the third one is asked as well. Without
            // a leader a member looks for one once a second. The rest is for this machine.
            let least = match leads {
                false => Duration::from_secs(8 - 2 - 1 - 1),
                true => Duration::from_millis(8_000 - 2_000 - 1_000 - 100)
                    .saturating_sub(elected.max(Duration::from_secs(1)))
                    .max(Duration::from_secs(2)),
            };
            assert!(
                left > least,
                "{left:?} were left of {least:?}, split at {split}, elected after {elected:?}: {said:#?}"
            );
        }
    }
}

/// Whether a line of the log was written before this moment of the same day.
fn was_said_before(line: &str, unix_ms: u64) -> bool {
    const DAY: u64 = 86_400_000;
    let written = || {
        let (_, time) = line.split_once('T')?;
        let (time, _) = time.split_once('Z')?;
        let [hours, minutes, seconds] = time.split(':').collect::<Vec<_>>().try_into().ok()?;
        let minutes = hours.parse::<u64>().ok()? * 60 + minutes.parse::<u64>().ok()?;
        Some(minutes * 60_000 + (seconds.parse::<f64>().ok()? * 1000.0) as u64)
    };
    written().is_some_and(|at| (unix_ms % DAY + DAY - at) % DAY < DAY / 2)
}

/// How long the lease was still good, at the worst.
fn least_validity(said: &[String]) -> Option<Duration> {
    let failed = said.iter().filter_map(|line| line.split_once("valid_ms="));
    let left = failed.filter_map(|(_, rest)| {
        let digits = rest.trim_start_matches(|c: char| !c.is_ascii_digit());
        let digits = digits.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().map(Duration::from_millis).ok()
    });
    left.min()
}

#[test]
fn f14_an_etcd_a_quarter_of_a_second_away_disturbs_nobody() {
    for version in VERSIONS {
        let stage = Stage::new(version, 1, 10);
        let fences = stage.fences();
        stage.network(Network::Delays(Duration::from_millis(125)));
        last(Duration::from_secs(12));
        assert_eq!(stage.fences(), fences, "{version:?}");
        stage.network(Network::Passes);
        stage.end();
    }
}

#[test]
fn f15_connections_that_are_cut_or_fall_silent_disturb_nobody() {
    for version in VERSIONS {
        let stage = Stage::new(version, 3, 10);
        let fences = stage.fences();
        for _ in 0..10 {
            last(Duration::from_millis(300));
            stage.network.iter().for_each(|proxy| proxy.cut());
        }
        // Half open: whoever waits for an answer over this one waits for ever.
        for proxy in &stage.network {
            proxy.set(Network::Silent);
            last(Duration::from_secs(4));
            proxy.set(Network::Passes);
        }
        assert_eq!(stage.fences(), fences, "{version:?}");
        stage.end();
    }
}
