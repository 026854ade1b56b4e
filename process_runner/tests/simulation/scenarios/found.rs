//! What seeds of the simulation found, as short as it can be said.

use super::super::schedule::{JobSpec, Op};
use super::{job, of_node, scenario, seeded};

#[test]
fn a_node_that_was_quiet_while_etcd_was_away_is_up_again() {
    // `quiet` is sent and not answered, then taken back; it takes place when etcd is there again.
    let steps = [
        (2_500, Op::FreezeEtcd(true)),
        (3_800, Op::Quiet(1)),
        (7_000, Op::Resume(1)),
        // As after a restart: the leases have their full time again.
        (8_900, Op::ChangeLeader),
        (9_000, Op::FreezeEtcd(false)),
    ];
    scenario(3, 2, &[job("alpha", 4)], &steps);
}

#[test]
fn a_slot_that_is_heard_of_after_the_plan_that_takes_it_away_moves_on() {
    // A slot is handed over to n1 while it cannot hear. When it can, the plan that it reads first
    // gives that slot to n2, which came meanwhile.
    let job = |name, workers, unit_ms| JobSpec {
        unit_ms,
        ..job(name, workers)
    };
    let beta = JobSpec {
        unlock_ms: 81,
        aside_ms: 2_504,
        ..job("beta", 4, 100)
    };
    let jobs = [job("alpha", 4, 1_500), beta, job("gamma", 3, 400)];
    let steps = [
        (18, Op::Start(0)),
        (74, Op::Start(1)),
        (115, Op::Start(4)),
        (127, Op::Start(3)),
        (3_228, Op::Refuse(of_node(1), true)),
        (3_977, Op::LoseReply(of_node(0), true)),
        (4_767, Op::Start(2)),
        (6_556, Op::Refuse(of_node(1), false)),
    ];
    seeded(204, 1, 5, &jobs, &steps);
}

#[test]
fn a_session_that_is_lost_while_a_status_is_due_does_not_keep_its_thread_busy() {
    // Statuses change all the time, so that one is due when the node is stopped. When it wakes, the
    // first thing that it hears is that its lease is gone, and its workers have not ended yet.
    let failing = JobSpec {
        unit_ms: 100,
        fails: 40,
        ..job("alpha", 4)
    };
    for seed in 1..6 {
        let steps = [(4_000, Op::Pause(0)), (12_000, Op::Unpause(0))];
        seeded(seed, 1, 2, std::slice::from_ref(&failing), &steps);
    }
}
