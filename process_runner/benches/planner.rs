//! How long it takes to plan 100,000 slots on 1,000 nodes, and how many of them move.
//!
//! For each kind of cluster: a cold start, then the 1,000th node joins, then one leaves. Times are
//! medians, moves are those of the join. Prints one line of JSON.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use process_runner::model::planner::{Placement, Plan, Scope, lower_bound, plan};
use process_runner::model::view::{ClusterView, Eligible, JobView, NodeView, Seat};
use serde_json::{Map, Value, json};

const SLOTS: usize = 100_000;
const NODES: usize = 1_000;
const RUNS: usize = 9;

fn main() {
    // `cargo test` runs benchmarks too, and expects no figures.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let mut figures = Map::new();
    figures.insert("slots".to_owned(), json!(SLOTS));
    figures.insert("nodes".to_owned(), json!(NODES));
    for (prefix, jobs, bent) in [
        ("", 1, false),
        ("jobs_100_", 100, false),
        ("weighted_", 100, true),
    ] {
        for (name, value) in play(cluster(jobs, bent)) {
            figures.insert(format!("{prefix}{name}"), value);
        }
    }
    #[expect(clippy::print_stdout, reason = "the document is what it is run for")]
    {
        println!("{}", Value::Object(figures));
    }
}

/// Nodes and jobs without owners. `bent` has weights and zones.
fn cluster(jobs: usize, bent: bool) -> ClusterView {
    let node = |n: usize| NodeView {
        name: format!("node{n:04}").into(),
        accepts: true,
        capacity: None,
        weight: if bent { 1 + (n * 7 % 4) as u32 } else { 1 },
        zone: bent.then(|| ["a", "b", "c"][n * n % 3].into()),
        labels: BTreeMap::new(),
        last_resort: false,
    };
    let job = |j: usize| JobView {
        job: Arc::from(format!("job{j:03}")),
        max_per_node: None,
        eligible: Eligible::All,
        seats: vec![Seat::Free; SLOTS / jobs],
    };
    ClusterView {
        nodes: (0..NODES).map(node).collect(),
        jobs: (0..jobs).map(job).collect(),
    }
}

fn play(mut view: ClusterView) -> Vec<(&'static str, Value)> {
    let newcomer = view.nodes.pop();
    let (cold_ms, cold) = timed(&view);
    carry_out(&mut view, &cold);
    view.nodes.extend(newcomer);
    let (join_ms, join) = timed(&view);
    let moves = join.moves(&view).count();
    let bound = lower_bound(&view);
    carry_out(&mut view, &join);
    let middle = view.nodes.len() / 2;
    view.nodes[middle].accepts = false;
    let (leave_ms, _) = timed(&view);
    vec![
        ("ms", json!(join_ms)),
        ("cold_ms", json!(cold_ms)),
        ("leave_ms", json!(leave_ms)),
        ("moves", json!(moves)),
        ("lower_bound", json!(bound)),
    ]
}

/// The median time of planning `view`, in milliseconds to two places, and the plan.
fn timed(view: &ClusterView) -> (f64, Plan) {
    let mut times = Vec::new();
    let mut planned = Plan::default();
    for _ in 0..RUNS {
        let start = Instant::now();
        planned = plan(view, Scope::Balance);
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    ((times[RUNS / 2] * 100.0).round() / 100.0, planned)
}

fn carry_out(view: &mut ClusterView, plan: &Plan) {
    for (job, placements) in view.jobs.iter_mut().zip(&plan.jobs) {
        for (seat, placement) in job.seats.iter_mut().zip(placements) {
            *seat = match placement {
                Placement::On(node) => Seat::Taken(*node),
                Placement::Unplaced(_) | Placement::Done => Seat::Free,
            };
        }
    }
}
