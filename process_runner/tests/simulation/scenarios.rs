//! Schedules by hand: the faults of the design's catalogue and the schedules that break simpler
//! designs, each by its name, and what seeds found.

mod faults;
mod found;
mod interleavings;

use std::time::Duration;

use tests::history::What;

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
    seeded(1, members, nodes, jobs, steps)
}

/// The same, with what the run draws at random chosen, too.
fn seeded(
    seed: u64,
    members: usize,
    nodes: usize,
    jobs: &[JobSpec],
    steps: &[(u64, Op)],
) -> Outcome {
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
        seed,
        message: Duration::from_millis(5),
        slack: Duration::ZERO,
        drain: Duration::from_secs(3),
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

/// All ways through one member.
const fn through(member: usize) -> Ways {
    let (node, member) = (None, Some(member));
    Ways { node, member }
}

/// What the store granted: when, in seconds, to which node, and which slot.
fn grants(outcome: &Outcome) -> impl Iterator<Item = (f64, String, String)> {
    outcome.events.iter().filter_map(|event| match &event.what {
        What::Granted { slot, node, .. } => {
            Some((event.at.as_secs_f64(), node.clone(), slot.clone()))
        }
        _ => None,
    })
}

/// How many effects the resource refused.
fn refused(outcome: &Outcome) -> usize {
    outcome.effects().1
}

/// From `since` seconds on no slot changed its owner or its token, and the work went on.
fn undisturbed(outcome: &Outcome, since: f64) {
    let changes = outcome.events.iter().filter(|event| {
        let change = matches!(event.what, What::Granted { .. } | What::Freed { .. });
        change && event.at.as_secs_f64() > since
    });
    assert_eq!(changes.count(), 0, "{}", outcome.text());
    works_between(outcome, since, outcome.schedule.calm.as_secs_f64());
}

/// In every second between these two something got done.
fn works_between(outcome: &Outcome, from: f64, to: f64) {
    let mut second = from;
    while second + 1.0 <= to {
        assert!(
            done(outcome, second, second + 1.0) > 0,
            "{}",
            outcome.text()
        );
        second += 1.0;
    }
}

/// Nothing was done between these two seconds.
fn no_work_between(outcome: &Outcome, from: f64, to: f64) {
    assert_eq!(done(outcome, from, to), 0, "{}", outcome.text());
}

fn done(outcome: &Outcome, from: f64, to: f64) -> usize {
    let effects = outcome.events.iter().filter(|event| {
        let effect = matches!(event.what, What::Effect { .. });
        effect && (from..to).contains(&event.at.as_secs_f64())
    });
    effects.count()
}
