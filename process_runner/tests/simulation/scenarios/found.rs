//! What seeds of the simulation found, as short as it can be said.

use std::sync::mpsc::channel;
use std::time::Duration;

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
fn a_node_that_lost_its_session_with_a_status_to_write_waits_for_its_workers_and_does_not_spin() {
    // It stands still between a change and the status that tells of it, until its lease is gone. When
    // it wakes up it hears of that first, and what is due then must not keep it from its workers.
    let (done, ended) = channel();
    std::thread::spawn(move || {
        for stops in (4_000..4_300).step_by(20) {
            let steps = [
                (4_000, Op::Scale(0, 6)),
                (stops, Op::Pause(0)),
                (13_000, Op::Unpause(0)),
            ];
            scenario(1, 2, &[job("alpha", 4)], &steps);
        }
        done.send(()).unwrap();
    });
    // Whoever spins never ends, because no time goes by meanwhile.
    let ended = ended.recv_timeout(Duration::from_secs(60));
    assert!(ended.is_ok(), "{ended:?}");
}
