//! Schedules that break simpler designs, each by its name and its number in `tests/README.md`. Those
//! that are about the leader, the planner or embedded stores have their tests there.

use super::super::schedule::{JobSpec, Op};
use super::{grants, job, of_node, refused, scenario, seeded};

/// Interleaving 1.
#[test]
fn late_transfer_one_that_commits_after_its_node_gave_up_runs_nothing_twice() {
    // n0 hands over to n1, which just came. Its requests hang, at some moment or other, and take
    // place when n0 believes that they did not.
    for hangs in (2_000..2_700).step_by(50) {
        let steps = [
            (1_500, Op::Start(1)),
            (hangs, Op::Freeze(of_node(0))),
            (hangs + 2_600, Op::Thaw(of_node(0))),
        ];
        scenario(1, 2, &[job("alpha", 4)], &steps);
    }
}

/// Interleaving 4.
#[test]
fn old_mail_a_node_that_comes_back_reads_nothing_of_its_predecessor() {
    // n1 is quiet, is sent slots and plans, and dies; the process that follows under its name gets
    // none of that.
    for dies in [2_400, 2_600, 3_000, 4_000] {
        let steps = [
            (2_200, Op::Quiet(1)),
            (dies - 100, Op::Freeze(of_node(1))),
            (dies, Op::Kill(1)),
            (dies + 50, Op::Thaw(of_node(1))),
            (dies + 100, Op::Start(1)),
            (dies + 8_000, Op::Kill(0)),
        ];
        scenario(1, 3, &[job("alpha", 5), job("beta", 2)], &steps);
    }
}

/// Interleaving 5.
#[test]
fn transfer_to_a_leaving_node_nothing_is_left_on_a_lease_that_ends() {
    // n1 joins, slots are on their way to it, and it leaves again.
    for leaves in (2_000..3_200).step_by(100) {
        let steps = [(1_200, Op::Start(1)), (leaves, Op::Stop(1))];
        scenario(1, 2, &[job("alpha", 6)], &steps);
    }
}

/// Interleaving 9.
#[test]
fn false_loss_a_transfer_between_the_barrier_and_its_answer_loses_nothing() {
    // Answers take as long as anything here, and slots move all the time.
    let slow = |ms| Op::Delay(of_node(0), std::time::Duration::from_millis(ms));
    let mut steps = vec![(2_000, slow(300))];
    for round in 0..6 {
        let at = 2_500 + round * 1_700;
        steps.extend([(at, Op::Quiet(1)), (at + 850, Op::Resume(1))]);
    }
    steps.push((13_000, slow(0)));
    let outcome = scenario(1, 2, &[job("alpha", 6)], &steps);
    let lost = grants(&outcome).filter(|(_, node, _)| node == "n0").count();
    assert!(lost > 10, "nothing moved: {}", outcome.text());
}

/// Interleaving 14.
#[test]
fn same_name_restart_the_predecessors_lease_is_waited_for() {
    for back in [50, 1_000, 4_900, 5_600] {
        let steps = [(4_000, Op::Kill(0)), (4_000 + back, Op::Start(0))];
        scenario(1, 2, &[job("alpha", 4)], &steps);
    }
}

/// Interleaving 18.
#[test]
fn already_sent_an_effect_past_its_check_is_refused_by_the_fence() {
    // Units take long, so that one is under way when its process is stopped past its lease.
    let long = JobSpec {
        unit_ms: 5_000,
        ..job("alpha", 4)
    };
    let mut late = 0;
    for seed in 1..12 {
        // Nothing reaches it, so that its timers alone decide what it does first when it wakes.
        let steps = [
            (4_000, Op::Freeze(of_node(0))),
            (4_010, Op::Pause(0)),
            (10_000, Op::Unpause(0)),
            (10_500, Op::Thaw(of_node(0))),
        ];
        late += refused(&seeded(seed, 1, 2, std::slice::from_ref(&long), &steps));
    }
    assert!(late > 0, "nobody was late, so nothing was shown");
}

/// Interleaving 19.
#[test]
fn endless_drain_a_node_whose_workers_tidy_up_for_ever_leaves_all_the_same() {
    let slow = JobSpec {
        unlock_ms: 8_000,
        ..job("alpha", 4)
    };
    let steps = [(6_000, Op::Stop(0)), (30_000, Op::Compact)];
    let outcome = scenario(1, 2, &[slow], &steps);
    let moved = grants(&outcome).filter(|(at, node, _)| *at > 6.0 && node == "n1");
    assert!(moved.count() >= 2, "{}", outcome.text());
}

#[test]
fn late_answer_the_deadline_counts_from_before_the_question() {
    // n0 asks for a renewal, stands still for three seconds, and reads the answer then; right after
    // that it is cut off. What it read is three seconds old, whenever it was read.
    for phase in (0..1_600).step_by(200) {
        let slow = |ms| Op::Delay(of_node(0), std::time::Duration::from_millis(ms));
        let steps = [
            // Its stream of renewals is open by then.
            (2_500, slow(400)),
            (4_000 + phase, Op::Pause(0)),
            (7_000 + phase, Op::Unpause(0)),
            (7_450 + phase, Op::Freeze(of_node(0))),
            (16_000, slow(0)),
            (16_000, Op::Thaw(of_node(0))),
        ];
        scenario(1, 2, &[job("alpha", 4)], &steps);
    }
}
