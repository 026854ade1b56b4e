//! Single seats: which stay, which go, and what is said of those that have nowhere to go.

use process_runner::model::planner::{Move, Obstacle, Placement, Plan, Scope, plan};
use process_runner::model::view::{ClusterView, Seat};

use super::cluster::{Cluster, moves};

/// One job with these seats.
fn with_seats(nodes: usize, seats: &[Seat]) -> ClusterView {
    let mut view = Cluster::of(nodes, &[seats.len()]).view();
    view.jobs[0].seats = seats.to_vec();
    view
}

fn obstacles(plan: &Plan) -> Vec<Obstacle> {
    plan.unplaced().map(|(_, _, obstacle)| obstacle).collect()
}

#[test]
fn the_lowest_indexes_stay_and_the_highest_move() {
    let view = with_seats(2, &[Seat::Taken(1); 4]);
    let plan = plan(&view, Scope::Balance);
    let moved = |index| Move {
        job: 0,
        index,
        from: Some(1),
        to: 0,
    };
    assert_eq!(plan.moves(&view).collect::<Vec<_>>(), [moved(2), moved(3)]);
}

#[test]
fn what_is_done_is_nobodys_and_counts_for_nothing() {
    let view = with_seats(2, &[Seat::Done, Seat::Free, Seat::Done, Seat::Taken(0)]);
    for scope in [Scope::Needed, Scope::Balance] {
        let plan = plan(&view, scope);
        let (a, b) = (Placement::On(0), Placement::On(1));
        assert_eq!(plan.jobs, [[Placement::Done, b, Placement::Done, a]]);
    }
}

#[test]
fn a_seat_of_a_node_that_is_not_listed_is_free() {
    let view = with_seats(1, &[Seat::Taken(7), Seat::Taken(u32::MAX)]);
    assert_eq!(plan(&view, Scope::Needed).jobs, [[Placement::On(0); 2]]);
    let mut view = view;
    view.jobs[0].eligible = process_runner::model::view::Eligible::Only(vec![3, 9]);
    assert_eq!(
        obstacles(&plan(&view, Scope::Balance)),
        [Obstacle::NoNode; 2]
    );
}

#[test]
fn nothing_is_planned_for_nobody() {
    for view in [
        Cluster::of(0, &[]),
        Cluster::of(3, &[]),
        Cluster::of(3, &[0, 0]),
    ] {
        let plan = plan(&view.view(), Scope::Balance);
        assert_eq!(plan.jobs.len(), view.jobs.len());
        assert_eq!(plan.jobs.concat(), []);
    }
}

#[test]
fn each_obstacle_is_named() {
    let said = |change: &dyn Fn(&mut Cluster)| {
        let mut cluster = Cluster::of(2, &[3]);
        change(&mut cluster);
        let said =
            [Scope::Needed, Scope::Balance].map(|scope| obstacles(&plan(&cluster.view(), scope)));
        assert_eq!(said[0], said[1]);
        said[0].clone()
    };
    assert_eq!(said(&|_| {}), []);
    assert_eq!(said(&|c| c.nodes.clear()), [Obstacle::NoNode; 3]);
    assert_eq!(
        said(&|c| c.jobs[0].only = Some(vec![])),
        [Obstacle::NoNode; 3]
    );
    assert_eq!(
        said(&|c| c.nodes.iter_mut().for_each(|n| n.accepts = false)),
        [Obstacle::NoneAccepts; 3]
    );
    assert_eq!(
        said(&|c| {
            c.nodes[0].weight = 0;
            c.jobs[0].only = Some(vec!["n0".into()]);
        }),
        [Obstacle::NoneAccepts; 3]
    );
    assert_eq!(
        said(&|c| c.jobs[0].max_per_node = Some(1)),
        [Obstacle::MaxPerNode]
    );
    assert_eq!(
        said(&|c| c.nodes.iter_mut().for_each(|n| n.capacity = Some(1))),
        [Obstacle::Capacity]
    );
    assert_eq!(
        said(&|c| {
            c.nodes[0].capacity = Some(0);
            c.jobs[0].max_per_node = Some(1);
        }),
        [Obstacle::Capacity; 2]
    );
}

/// Without room for all, no job stands still while another has everything, as long as nothing need
/// move for it.
#[test]
fn what_does_not_fit_is_missing_everywhere_a_little() {
    let mut cluster = Cluster::of(10, &[16, 16]);
    cluster
        .nodes
        .iter_mut()
        .for_each(|node| node.capacity = Some(1));
    let first = cluster.step(Scope::Balance);
    let placed = first.counts(&cluster.view()).into_iter();
    // To an eighth of the job.
    assert!(
        placed
            .map(|job| job.iter().sum::<u32>())
            .all(|job| (4..=6).contains(&job))
    );

    let mut full = Cluster::of(10, &[16]);
    full.nodes
        .iter_mut()
        .for_each(|node| node.capacity = Some(1));
    full.step(Scope::Balance);
    full.jobs.push(super::cluster::job("later", 16));
    let view = full.view();
    assert_eq!(moves(&view, &plan(&view, Scope::Balance)), 0);
}

/// Only what is above the cap has to go, not all that the balance would move.
#[test]
fn a_lowered_cap_moves_no_more_than_what_is_above_it() {
    let mut cluster = Cluster::of(4, &[4, 4]);
    for seat in cluster.jobs.iter_mut().flat_map(|job| &mut job.seats) {
        *seat = Some("n0".to_owned());
    }
    for (capacity, moved) in [(8, 0), (7, 1), (5, 3)] {
        cluster.nodes[0].capacity = Some(capacity);
        let view = cluster.view();
        assert_eq!(moves(&view, &plan(&view, Scope::Needed)), moved);
    }
    cluster.jobs[0].max_per_node = Some(3);
    cluster.nodes[0].capacity = None;
    let view = cluster.view();
    assert_eq!(moves(&view, &plan(&view, Scope::Needed)), 1);
}

/// However uneven the others become by it.
#[test]
fn a_last_resort_gets_nothing_that_fits_elsewhere() {
    let mut cluster = Cluster::of(3, &[2, 4]);
    cluster.nodes[0].capacity = Some(2);
    cluster.nodes[2].last_resort = true;
    cluster.jobs[0].only = Some(vec!["n0".into(), "n2".into()]);
    let planned = cluster.step(Scope::Balance).counts(&cluster.view());
    assert_eq!(planned, [[2, 0, 0], [0, 4, 0]]);
    cluster.nodes[1].capacity = Some(3);
    let planned = cluster.step(Scope::Balance).counts(&cluster.view());
    assert_eq!(planned.iter().map(|job| job[2]).sum::<u32>(), 1);
}
