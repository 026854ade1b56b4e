//! The catalogue of faults in `tests/README.md`, as far as the embedded etcd can show them. The others
//! need real processes: F11 (a wiped store) and F23 and F24 (blocking code) are in `tests/node`, F19
//! (auth) and F25 (many processes) in the command line's tests of clusters.

use std::time::Duration;

use super::super::schedule::{Op, Ways};
use super::{grants, job, no_work_between, of_node, scenario, through, undisturbed, works_between};

const EVERY: Ways = Ways {
    node: None,
    member: None,
};

#[test]
fn f1_a_killed_process_is_followed_within_its_lease() {
    let outcome = scenario(1, 2, &[job("alpha", 4)], &[(4_000, Op::Kill(0))]);
    let after: Vec<_> = grants(&outcome).filter(|grant| grant.0 > 4.0).collect();
    assert!(after.len() >= 2, "{}", outcome.text());
    assert!(after.iter().all(|(at, ..)| *at < 4.0 + 5.6), "{after:?}");
    assert!(after.iter().any(|(at, ..)| *at > 4.0 + 3.9), "{after:?}");
}

#[test]
fn f2_a_process_that_is_told_to_stop_hands_over_within_a_second_of_its_workers_end() {
    let steps = [(4_000, Op::Stop(0)), (12_000, Op::Compact)];
    let outcome = scenario(1, 2, &[job("alpha", 4)], &steps);
    let moved = grants(&outcome).filter(|(at, ..)| (4.0..12.0).contains(at));
    let moved: Vec<_> = moved.collect();
    assert_eq!(moved.len(), 2, "{}", outcome.text());
    assert!(moved.iter().all(|(at, ..)| *at < 5.9), "{moved:?}");
}

#[test]
fn f3_a_pause_that_is_shorter_than_the_validity_disturbs_nothing() {
    let steps = [(4_000, Op::Pause(0)), (6_000, Op::Unpause(0))];
    let outcome = scenario(1, 2, &[job("alpha", 4)], &steps);
    undisturbed(&outcome, 4.0);
}

#[test]
fn f4_and_f18_a_pause_past_the_lease_ends_every_worker_before_its_next_effect() {
    for wakes in (9_000..14_000).step_by(250) {
        let steps = [(4_000, Op::Pause(0)), (wakes, Op::Unpause(0))];
        let outcome = scenario(1, 2, &[job("alpha", 4)], &steps);
        let moved = grants(&outcome).filter(|(at, ..)| *at > 4.0).count();
        assert!(moved >= 2, "{}", outcome.text());
    }
}

#[test]
fn f5_a_change_of_leader_disturbs_nothing() {
    let steps = [(4_000, Op::ChangeLeader), (4_600, Op::ChangeLeader)];
    let outcome = scenario(3, 3, &[job("alpha", 6)], &steps);
    undisturbed(&outcome, 4.0);
}

#[test]
fn f6_a_stale_leader_that_acknowledges_and_renews_nothing_disturbs_nothing() {
    for lasts in [4_000, 6_000, 8_000, 12_000] {
        let steps = [
            (4_000, Op::StaleLeader(0)),
            (4_000 + lasts, Op::EndStaleLeader(0)),
        ];
        let outcome = scenario(3, 3, &[job("alpha", 6)], &steps);
        undisturbed(&outcome, 4.0);
    }
}

#[test]
fn f6_where_every_member_is_stale_sessions_are_lost_in_order() {
    let stale = (0..3).map(|member| (4_000, Op::StaleLeader(member)));
    let better = (0..3).map(|member| (12_000, Op::EndStaleLeader(member)));
    let steps: Vec<_> = stale.chain(better).collect();
    // A new session begins with a grant, which is proven by itself, and lasts as long as that.
    scenario(3, 3, &[job("alpha", 6)], &steps);
}

#[test]
fn f7_a_member_that_is_dead_or_stands_still_disturbs_nothing() {
    for (begin, end) in [
        (Op::Freeze(through(0)), Op::Thaw(through(0))),
        (Op::Refuse(through(0), true), Op::Refuse(through(0), false)),
    ] {
        let steps = [(4_000, begin), (16_000, end)];
        let outcome = scenario(3, 3, &[job("alpha", 6)], &steps);
        undisturbed(&outcome, 4.0);
    }
}

#[test]
fn f8_and_f9_an_outage_that_is_shorter_than_the_validity_disturbs_nothing() {
    for (begin, end) in [
        (Op::Quorum(EVERY, true), Op::Quorum(EVERY, false)),
        (Op::FreezeEtcd(true), Op::FreezeEtcd(false)),
        (Op::Refuse(EVERY, true), Op::Refuse(EVERY, false)),
    ] {
        let steps = [(4_000, begin), (5_300, end)];
        let outcome = scenario(3, 3, &[job("alpha", 6)], &steps);
        undisturbed(&outcome, 4.0);
    }
}

#[test]
fn f10_a_long_outage_stops_every_worker_at_its_deadline_and_all_run_again_by_themselves() {
    let steps = [
        (4_000, Op::FreezeEtcd(true)),
        (63_900, Op::ChangeLeader),
        (64_000, Op::FreezeEtcd(false)),
    ];
    let outcome = scenario(3, 3, &[job("alpha", 6)], &steps);
    works_between(&outcome, 4.0, 6.0);
    no_work_between(&outcome, 8.1, 64.0);
    works_between(&outcome, 64.0, 66.0);
}

#[test]
fn f12_a_node_that_is_cut_off_stops_before_others_take_over_and_comes_back_with_new_tokens() {
    let steps = [
        (4_000, Op::Freeze(of_node(0))),
        (14_000, Op::Thaw(of_node(0))),
    ];
    let outcome = scenario(3, 2, &[job("alpha", 4)], &steps);
    let moved = grants(&outcome).filter(|(at, node, _)| *at > 4.0 && node == "n1");
    assert!(moved.count() >= 2, "{}", outcome.text());
}

#[test]
fn f13_a_node_whose_member_is_in_the_minority_turns_to_another() {
    let minority = Ways {
        node: Some(0),
        member: Some(0),
    };
    let steps = [
        (4_000, Op::Quorum(minority, true)),
        (16_000, Op::Quorum(minority, false)),
    ];
    let outcome = scenario(3, 2, &[job("alpha", 4)], &steps);
    undisturbed(&outcome, 4.0);
}

#[test]
fn f14_an_etcd_that_is_slow_disturbs_nothing_and_one_that_is_too_slow_is_lost_safely() {
    let slow = |ms| Op::Delay(EVERY, Duration::from_millis(ms));
    for ms in [100, 400] {
        let steps = [(4_000, slow(ms)), (16_000, slow(0))];
        undisturbed(&scenario(3, 3, &[job("alpha", 6)], &steps), 4.0);
    }
    let steps = [(4_000, slow(3_000)), (16_000, slow(0))];
    scenario(3, 3, &[job("alpha", 6)], &steps);
}

#[test]
fn f15_and_f16_streams_that_die_and_history_that_is_gone_are_made_up_for() {
    let mut steps = Vec::new();
    for at in (4_000..12_000).step_by(300) {
        steps.extend([(at, Op::Cut(EVERY)), (at + 100, Op::Compact)]);
    }
    let outcome = scenario(3, 3, &[job("alpha", 6)], &steps);
    undisturbed(&outcome, 4.0);
    // And what changes meanwhile is not missed.
    steps.push((6_000, Op::Scale(0, 9)));
    steps.push((8_000, Op::Stop(1)));
    steps.sort_by_key(|(at, _)| *at);
    scenario(3, 3, &[job("alpha", 6)], &steps);
}

/// Leases, deadlines and plans go by clocks that do not leap.
#[test]
fn f17_a_clock_on_the_wall_that_leaps_an_hour_either_way_disturbs_nothing() {
    for leap in [3_600, -3_600] {
        for first in 0..3 {
            let mut steps = vec![(4_000, Op::Wall(first, leap))];
            // The others later, so that no two agree meanwhile; and then all of them back.
            let others = (1..3).map(|next| (8_000, Op::Wall((first + next) % 3, leap)));
            steps.extend(others);
            steps.extend((0..3).map(|node| (12_000, Op::Wall(node, 0))));
            steps.push((16_000, Op::Compact));
            undisturbed(&scenario(3, 3, &[job("alpha", 6)], &steps), 4.0);
        }
    }
}

#[test]
fn f20_without_space_nothing_is_lost_and_nothing_acquired() {
    let steps = [
        (4_000, Op::NoSpace(true)),
        (5_000, Op::Start(2)),
        (15_000, Op::NoSpace(false)),
    ];
    let outcome = scenario(1, 3, &[job("alpha", 6)], &steps);
    works_between(&outcome, 4.0, 15.0);
    let during = grants(&outcome).filter(|(at, ..)| (4.1..15.0).contains(at));
    assert_eq!(during.count(), 0, "{}", outcome.text());
    let after = grants(&outcome).filter(|(_, node, _)| node == "n2");
    assert!(after.count() >= 2, "{}", outcome.text());
}

#[test]
fn f21_what_somebody_deletes_or_revokes_runs_again_under_a_new_token() {
    for op in [Op::DeleteSlot(0, 0), Op::RevokeLease(0)] {
        let steps = [(4_000, op), (9_000, Op::Compact)];
        let outcome = scenario(1, 2, &[job("alpha", 2)], &steps);
        let again = grants(&outcome).filter(|(at, ..)| (4.0..9.0).contains(at));
        assert!(again.count() >= 1, "{}", outcome.text());
    }
}

#[test]
fn f22_answers_that_are_lost_after_the_commit_double_nothing() {
    for silent in [false, true] {
        let mut steps = vec![(1_000, Op::Start(2))];
        for at in (300..6_000).step_by(170) {
            let node = (at as usize / 170) % 3;
            steps.push((at, Op::LoseReply(of_node(node), silent)));
        }
        steps.extend([(2_000, Op::Scale(0, 9)), (4_000, Op::Stop(0))]);
        steps.sort_by_key(|(at, _)| *at);
        scenario(1, 3, &[job("alpha", 6)], &steps);
    }
}
