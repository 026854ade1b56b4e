//! Inputs at which other balancers failed, by name.

use fastrand::Rng;
use process_runner::model::planner::{Placement, Scope, lower_bound, plan};
use process_runner::model::view::ClusterView;

use super::cluster::{Cluster, held, moves, spread, totals};

/// Plans the balance, carries it out, and sees that it is even and took no move too many.
fn balance(cluster: &mut Cluster) -> usize {
    let view = cluster.view();
    let plan = cluster.step(Scope::Balance);
    let spread = plan.spread(&view);
    assert!(
        spread.total <= 1 && spread.jobs.iter().all(|job| *job <= 1),
        "{spread:?}"
    );
    let moved = moves(&view, &plan);
    assert_eq!(lower_bound(&view), Some(moved as u64));
    moved
}

fn total_spread(view: &ClusterView) -> u32 {
    spread(&totals(&held(view)))
}

/// Filling up to the ceiling left eight nodes without anything.
#[test]
fn kcl_100_000_slots_on_999_nodes() {
    let mut cluster = Cluster::of(999, &[100_000]);
    assert_eq!(balance(&mut cluster), 100_000);
    assert_eq!(balance(&mut cluster), 0);
}

/// A node that joined a balanced cluster got nothing, for ever.
#[test]
fn kcl_one_node_more_than_1000_times_100() {
    for jobs in [vec![100_000], vec![10_000; 10]] {
        let mut cluster = Cluster::of(1000, &jobs);
        balance(&mut cluster);
        cluster.join("newcomer");
        assert_eq!(balance(&mut cluster), 99);
        cluster.leave("n500");
        assert_eq!(balance(&mut cluster), 100);
    }
}

/// The first nodes got the odd slot of every job: a spread of one per job was one of 50 in total.
#[test]
fn helix_and_orleans_50_jobs_of_7_on_20_nodes() {
    let mut cluster = Cluster::of(20, &[7; 50]);
    balance(&mut cluster);
    let mut totals = totals(&held(&cluster.view()));
    totals.sort_unstable();
    assert_eq!(totals, [[17; 10], [18; 10]].concat());
}

#[test]
fn akka_two_nodes_leave_together() {
    let mut cluster = Cluster::of(100, &[5_000, 3_000, 2_000]);
    balance(&mut cluster);
    let gone = totals(&held(&cluster.view()))[20..22].iter().sum::<u32>();
    cluster.leave("n20");
    cluster.leave("n21");
    assert_eq!(balance(&mut cluster), gone as usize);
}

/// Two nodes drain, so their slots have owners until they move.
#[test]
fn two_nodes_drain_together_and_only_their_slots_move() {
    let mut cluster = Cluster::of(10, &[70, 30]);
    balance(&mut cluster);
    cluster.node("n3").accepts = false;
    cluster.node("n4").accepts = false;
    let view = cluster.view();
    let needed = plan(&view, Scope::Needed);
    assert_eq!(moves(&view, &needed), 20);
    assert_eq!(needed, plan(&view, Scope::Balance));
}

/// A new leader made other moves than the one before, some of them back.
#[test]
fn helix_the_leader_changes_in_the_middle_of_a_plan() {
    let mut rng = Rng::with_seed(660);
    for _ in 0..100 {
        let mut cluster = Cluster::of(rng.usize(2..12), &[rng.usize(0..40), rng.usize(0..40)]);
        cluster.step(Scope::Balance);
        cluster.join("newcomer");
        cluster.leave("n0");
        let before = cluster.view();
        let full = plan(&before, Scope::Balance);
        // Some of the moves are done, the others not.
        let mut half = full.clone();
        for (placements, job) in half.jobs.iter_mut().zip(&before.jobs) {
            for (placement, seat) in placements.iter_mut().zip(&job.seats) {
                if let process_runner::model::view::Seat::Taken(node) = seat
                    && rng.bool()
                {
                    *placement = Placement::On(*node);
                }
            }
        }
        cluster.carry_out(&half);
        rng.shuffle(&mut cluster.nodes);
        rng.shuffle(&mut cluster.jobs);
        let between = cluster.view();
        let rest = plan(&between, Scope::Balance);
        assert_eq!(
            moves(&before, &half) + moves(&between, &rest),
            moves(&before, &full)
        );
    }
}

/// Interleaving 20, as the planner sees it. Each of two full nodes has what only the other may run: neither can wait for the other.
#[test]
fn swap_between_two_full_nodes() {
    let mut cluster = Cluster::of(2, &[2, 2]);
    for (job, (has, may)) in [("n0", "n1"), ("n1", "n0")].into_iter().enumerate() {
        cluster.nodes[job].capacity = Some(2);
        cluster.jobs[job].seats = vec![Some(has.to_owned()); 2];
        cluster.jobs[job].only = Some(vec![may.to_owned()]);
    }
    let view = cluster.view();
    for scope in [Scope::Needed, Scope::Balance] {
        let plan = plan(&view, scope);
        assert_eq!(moves(&view, &plan), 4);
        assert_eq!(plan.unplaced().count(), 0);
    }
}

/// X only on a and b, Y on all: even jobs and even totals exclude each other, and jobs come first.
#[test]
fn impossible_balance() {
    for seed in 0..200 {
        let mut rng = Rng::with_seed(seed);
        let mut cluster = Cluster::of(3, &[10, 10]);
        cluster.jobs[0].only = Some(vec!["n0".into(), "n1".into()]);
        for seat in cluster.jobs.iter_mut().flat_map(|job| &mut job.seats) {
            *seat = rng
                .choice([None, Some("n0"), Some("n1"), Some("n2")])
                .unwrap()
                .map(str::to_owned);
        }
        let counts = cluster.step(Scope::Balance).counts(&cluster.view());
        assert_eq!(counts[0], [5, 5, 0]);
        assert_eq!(spread(&counts[1]), 1);
        // The odd Y goes to c, as totals come second.
        assert_eq!(totals(&counts), [8, 8, 4]);
        let view = cluster.view();
        assert_eq!(moves(&view, &plan(&view, Scope::Balance)), 0);
    }
}

/// It joined, dragged slots from healthy nodes, crashed with them, and joined again.
#[test]
fn a_node_that_keeps_crashing_moves_nothing() {
    let mut cluster = Cluster::of(4, &[30, 10]);
    balance(&mut cluster);
    for _ in 0..3 {
        cluster.join("flapping").last_resort = true;
        for scope in [Scope::Needed, Scope::Balance] {
            let view = cluster.view();
            assert_eq!(moves(&view, &cluster.step(scope)), 0);
        }
        cluster.leave("flapping");
        assert_eq!(balance(&mut cluster), 0);
    }
    // What fits nowhere else it gets, and once it has proved itself, its share.
    cluster.join("flapping").last_resort = true;
    cluster.nodes[..4]
        .iter_mut()
        .for_each(|node| node.capacity = Some(9));
    let view = cluster.view();
    let forced = cluster.step(Scope::Balance);
    assert_eq!((moves(&view, &forced), forced.unplaced().count()), (4, 0));
    cluster
        .nodes
        .iter_mut()
        .for_each(|node| node.capacity = None);
    cluster.node("flapping").last_resort = false;
    assert_eq!(balance(&mut cluster), 4);
}

/// A replacement that is there first takes over the whole set: one move for each slot.
#[test]
fn a_rolling_restart_moves_each_slot_once() {
    let mut cluster = Cluster::of(10, &[600, 400]);
    balance(&mut cluster);
    let mut moved = 0;
    for n in 0..10 {
        cluster.join(&format!("replacement{n}"));
        cluster.node(&format!("n{n}")).accepts = false;
        let view = cluster.view();
        moved += moves(&view, &cluster.step(Scope::Needed));
        cluster.leave(&format!("n{n}"));
        assert_eq!(balance(&mut cluster), 0);
    }
    assert_eq!(moved, 1000);
}

/// A node dies while a newcomer waits for its share: the newcomer inherits.
#[test]
fn a_newcomer_inherits_what_a_dead_node_had() {
    let mut cluster = Cluster::of(5, &[50, 50]);
    balance(&mut cluster);
    cluster.join("newcomer");
    cluster.leave("n2");
    let view = cluster.view();
    assert_eq!(moves(&view, &cluster.step(Scope::Needed)), 20);
    assert_eq!(total_spread(&cluster.view()), 0);
    assert_eq!(balance(&mut cluster), 0);
}
