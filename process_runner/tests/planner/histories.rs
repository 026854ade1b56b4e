//! Random histories: whatever happens, after every plan the promises hold.

use fastrand::Rng;
use process_runner::model::planner::{Placement, Plan, Scope, Spread, lower_bound, plan};
use process_runner::model::view::{ClusterView, Seat};

use super::cluster::{Cluster, job, moves, spread, totals};

/// How many histories to play.
pub(crate) fn number() -> usize {
    let number = std::env::var("PR_PLANNER_HISTORIES").ok();
    number.map_or(2_000, |number| number.parse().unwrap())
}

fn each_history(play: impl Fn(&mut Rng)) {
    if let Ok(seed) = std::env::var("PR_PLANNER_SEED") {
        return play(&mut Rng::with_seed(seed.parse().unwrap()));
    }
    for seed in 0..number() as u64 {
        let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            play(&mut Rng::with_seed(seed))
        }));
        assert!(
            played.is_ok(),
            "PR_PLANNER_SEED={seed} shows the history that failed"
        );
    }
}

/// Something happens. `plain` leaves out whatever bends fair shares.
fn happen(cluster: &mut Cluster, rng: &mut Rng, plain: bool, serial: &mut u32) {
    let any = |rng: &mut Rng, cluster: &Cluster| {
        rng.choice(&cluster.nodes).map(|node| node.name.to_string())
    };
    match rng.u32(0..if plain { 6 } else { 12 }) {
        0 | 1 => {
            *serial += 1;
            let node = cluster.join(&format!("n{serial}"));
            if !plain {
                node.weight = rng.u32(1..=3);
                node.zone = Some(["a", "b"][rng.usize(..2)].into());
            }
        }
        2 | 3 => {
            for _ in 0..rng.usize(1..=2) {
                if let Some(name) = any(rng, cluster).filter(|_| cluster.nodes.len() > 1) {
                    cluster.leave(&name);
                }
            }
        }
        4 => {
            if let Some(job) = rng.choice(cluster.jobs.iter_mut()) {
                job.seats.resize(rng.usize(0..=12), None);
            }
        }
        5 => {
            *serial += 1;
            let new = job(&format!("j{serial}"), rng.usize(0..=9));
            cluster.jobs.insert(rng.usize(..=cluster.jobs.len()), new);
            if cluster.jobs.len() > 4 {
                cluster.jobs.remove(rng.usize(..cluster.jobs.len()));
            }
        }
        event => {
            if let Some(name) = any(rng, cluster) {
                bend(cluster, rng, event, &name);
            }
        }
    }
}

fn bend(cluster: &mut Cluster, rng: &mut Rng, event: u32, name: &str) {
    let names: Vec<_> = cluster
        .nodes
        .iter()
        .map(|node| node.name.to_string())
        .collect();
    let node = cluster.node(name);
    match event {
        6 => node.accepts = !node.accepts,
        7 => node.last_resort = !node.last_resort,
        8 => node.capacity = rng.bool().then(|| rng.u32(0..=6)),
        9 => node.weight = rng.u32(0..=4),
        _ => {
            if let Some(job) = rng.choice(cluster.jobs.iter_mut()) {
                if event == 10 {
                    job.max_per_node = rng.bool().then(|| rng.u32(1..=3));
                } else {
                    job.only = rng
                        .bool()
                        .then(|| names.iter().filter(|_| rng.bool()).cloned().collect());
                }
            }
        }
    }
}

fn begin(rng: &mut Rng) -> Cluster {
    let jobs: Vec<_> = (0..rng.usize(0..=3)).map(|_| rng.usize(0..=10)).collect();
    Cluster::of(rng.usize(1..=5), &jobs)
}

/// The same cluster, listed in another order, gets the same plan.
fn assert_order_means_nothing(cluster: &Cluster, rng: &mut Rng, scope: Scope) {
    let mut shuffled = cluster.clone();
    rng.shuffle(&mut shuffled.nodes);
    rng.shuffle(&mut shuffled.jobs);
    let mut planned = cluster.clone();
    planned.step(scope);
    shuffled.step(scope);
    for job in &planned.jobs {
        let same = shuffled
            .jobs
            .iter()
            .find(|other| other.name == job.name)
            .unwrap();
        assert_eq!(job.seats, same.seats, "{cluster:#?}");
    }
}

#[test]
fn without_caps_the_spread_is_at_most_1_per_job_and_in_total() {
    each_history(|rng| {
        let mut cluster = begin(rng);
        let mut serial = 100;
        for _ in 0..8 {
            happen(&mut cluster, rng, true, &mut serial);
            let view = cluster.view();
            let plan = cluster.step(Scope::Balance);
            let counts = plan.counts(&view);
            for job in &counts {
                assert!(spread(job) <= 1, "{counts:?}");
            }
            assert!(spread(&totals(&counts)) <= 1, "{counts:?}");
            let jobs = counts.iter().map(|job| spread(job)).collect();
            let total = spread(&totals(&counts));
            assert_eq!(plan.spread(&view), Spread { jobs, total });
            assert!(lower_bound(&view).unwrap() <= moves(&view, &plan) as u64);
        }
    });
}

#[test]
fn one_job_moves_exactly_the_lower_bound() {
    each_history(|rng| {
        let mut cluster = Cluster::of(rng.usize(1..=9), &[rng.usize(0..=40)]);
        let mut serial = 100;
        for _ in 0..8 {
            match rng.u32(..4) {
                0 => cluster.jobs[0].seats.resize(rng.usize(0..=40), None),
                _ => happen(
                    &mut cluster,
                    &mut Rng::with_seed(rng.u64(..) | 1),
                    true,
                    &mut serial,
                ),
            }
            cluster.jobs.truncate(1);
            let view = cluster.view();
            let moved = moves(&view, &cluster.step(Scope::Balance));
            assert_eq!(moved, fewest(&view));
            assert_eq!(lower_bound(&view), Some(moved as u64));
        }
    });
}

/// What has no node, and what is above the quotas, the greater of which go to those who have most.
fn fewest(view: &ClusterView) -> usize {
    let seats = view.jobs.first().map_or(0, |job| job.seats.len());
    let mut held = super::cluster::held(view).pop().unwrap_or_default();
    held.sort_unstable_by(|a, b| b.cmp(a));
    let quota = |place| seats / held.len() + usize::from(place < seats % held.len());
    let stay = held
        .iter()
        .enumerate()
        .map(|(place, held)| quota(place).min(*held as usize));
    seats - stay.sum::<usize>()
}

#[test]
fn a_planned_state_plans_nothing_and_order_means_nothing() {
    each_history(|rng| {
        let mut cluster = begin(rng);
        let mut serial = 100;
        for _ in 0..6 {
            happen(&mut cluster, rng, false, &mut serial);
            assert_order_means_nothing(&cluster, rng, Scope::Balance);
            assert_order_means_nothing(&cluster, rng, Scope::Needed);
            cluster.step(Scope::Balance);
            let view = cluster.view();
            for scope in [Scope::Balance, Scope::Needed] {
                assert_eq!(
                    moves(&view, &plan(&view, scope)),
                    0,
                    "{scope:?}: {cluster:#?}"
                );
            }
        }
    });
}

#[test]
fn what_is_needed_moves_nothing_else_and_nothing_twice() {
    each_history(|rng| {
        let mut cluster = begin(rng);
        let mut serial = 100;
        for _ in 0..6 {
            happen(&mut cluster, rng, false, &mut serial);
            let before = cluster.view();
            let at_once = plan(&before, Scope::Balance);
            let needed = cluster.step(Scope::Needed);
            assert_needed(&before, &needed);
            let between = cluster.view();
            let balance = cluster.step(Scope::Balance);
            if cluster
                .nodes
                .iter()
                .all(|node| node.capacity.is_none() && !node.last_resort)
                && cluster.jobs.iter().all(|job| job.max_per_node.is_none())
            {
                let (first, then) = (moves(&before, &needed), moves(&between, &balance));
                assert_eq!(first + then, moves(&before, &at_once), "{cluster:#?}");
            }
        }
    });
}

/// A seat on a node that may have it moves only where a cap is broken, and no more of them than it
/// takes.
fn assert_needed(before: &ClusterView, needed: &Plan) {
    let held = super::cluster::held(before);
    for (place, node) in before.nodes.iter().enumerate() {
        let (mut may_stay, mut stay) = (0, 0);
        for (at, (job, placements)) in before.jobs.iter().zip(&needed.jobs).enumerate() {
            if node.takes_slots() && job.allows(place as u32) {
                may_stay += held[at][place].min(job.max_per_node.unwrap_or(u32::MAX));
            }
            let seats = job.seats.iter().zip(placements);
            let here = place as u32;
            stay += seats
                .filter(|both| *both == (&Seat::Taken(here), &Placement::On(here)))
                .count();
        }
        let may_stay = may_stay.min(node.capacity.unwrap_or(u32::MAX));
        assert_eq!(stay, may_stay as usize, "{before:#?}");
    }
}
