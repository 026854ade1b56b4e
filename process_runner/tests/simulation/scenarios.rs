//! Schedules by hand: the faults of the design's catalogue, each by its name, and what seeds found.

use std::time::Duration;

use super::run::{Outcome, play};
use super::schedule::{JobSpec, Op, Schedule, Step, Ways};

/// All ways of one node.
const fn of_node(node: usize) -> Ways {
    let (node, member) = (Some(node), None);
    Ways { node, member }
}

/// A scenario: what is done when, in milliseconds. Nodes that no step starts are there from the
/// beginning.
fn scenario(members: usize, nodes: usize, jobs: &[JobSpec], steps: &[(u64, Op)]) -> Outcome {
    let early = |node: &usize| steps.iter().all(|(_, what)| *what != Op::Start(*node));
    let starts = (0..nodes).filter(early);
    let starts = starts.map(|node| (20 * (node as u64 + 1), Op::Start(node)));
    let steps = starts.chain(steps.iter().cloned());
    let steps: Vec<_> = steps
        .map(|(at, what)| Step {
            at: Duration::from_millis(at),
            what,
        })
        .collect();
    let last = steps.last().map_or(Duration::ZERO, |step| step.at);
    let outcome = play(Schedule {
        seed: 1,
        members,
        nodes,
        jobs: jobs.to_vec(),
        steps,
        calm: last + Duration::from_millis(100),
    });
    assert!(outcome.is_good(), "{}", outcome.text());
    outcome
}

fn job(name: &'static str, workers: u32) -> JobSpec {
    JobSpec {
        name,
        workers,
        unit_ms: 400,
        ..JobSpec::default()
    }
}

#[test]
fn a_slot_that_is_heard_of_after_the_plan_that_takes_it_away_moves_on() {
    // A slot is handed over to n1 just when it cannot hear; then n2 comes, and the plan that n1 reads
    // first gives that slot to n2.
    let beta = JobSpec {
        aside_ms: 2_500,
        ..job("beta", 4)
    };
    let jobs = [job("alpha", 4), beta, job("gamma", 3)];
    for deaf in (1_500..3_500).step_by(250) {
        let steps = [
            (deaf, Op::Refuse(of_node(1), true)),
            (deaf + 1_500, Op::Start(2)),
            (deaf + 3_000, Op::Refuse(of_node(1), false)),
        ];
        scenario(1, 5, &jobs, &steps);
    }
}
