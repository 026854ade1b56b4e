//! Small clusters, where the oracle can try everything.

use fastrand::Rng;
use process_runner::model::planner::{Scope, plan};

use super::cluster::Cluster;
use super::oracle::Oracle;

/// Plans and compares with the best there is.
fn assert_best(cluster: &Cluster) {
    let view = cluster.view();
    let oracle = Oracle::new(&view);
    let planned = oracle.score(&plan(&view, Scope::Balance).counts(&view));
    assert_eq!(planned, oracle.best(), "{cluster:#?}");
}

/// Calls `check` with every way in which the workers of the jobs can be spread over the nodes.
fn every_holding(cluster: &mut Cluster, job: usize, from: usize, check: &dyn Fn(&Cluster)) {
    if job == cluster.jobs.len() {
        return check(cluster);
    }
    every_seat(cluster, job, 0, from, check);
}

/// Seats are filled in ascending order of nodes: the indexes of a job are alike.
fn every_seat(
    cluster: &mut Cluster,
    job: usize,
    seat: usize,
    from: usize,
    check: &dyn Fn(&Cluster),
) {
    if seat == cluster.jobs[job].seats.len() {
        return every_holding(cluster, job + 1, 0, check);
    }
    for node in from..=cluster.nodes.len() {
        let name = cluster.nodes.get(node).map(|node| node.name.to_string());
        cluster.jobs[job].seats[seat] = name;
        every_seat(cluster, job, seat + 1, node, check);
    }
}

#[test]
fn every_holding_of_one_job() {
    for nodes in 1..=4 {
        for workers in 0..=6 {
            every_holding(&mut Cluster::of(nodes, &[workers]), 0, 0, &assert_best);
        }
    }
}

#[test]
fn every_holding_of_two_jobs() {
    for (nodes, jobs) in [
        (2, [3, 3]),
        (2, [4, 1]),
        (3, [2, 2]),
        (3, [3, 1]),
        (3, [1, 4]),
    ] {
        every_holding(&mut Cluster::of(nodes, &jobs), 0, 0, &assert_best);
    }
}

#[test]
fn every_holding_of_three_jobs_on_two_nodes() {
    every_holding(&mut Cluster::of(2, &[1, 1, 3]), 0, 0, &assert_best);
    every_holding(&mut Cluster::of(2, &[2, 1, 2]), 0, 0, &assert_best);
}

#[test]
fn every_holding_under_caps() {
    let mut cluster = Cluster::of(3, &[3, 2]);
    cluster.nodes[0].capacity = Some(1);
    cluster.nodes[1].capacity = Some(2);
    every_holding(&mut cluster, 0, 0, &assert_best);
    cluster.jobs[0].max_per_node = Some(1);
    every_holding(&mut cluster, 0, 0, &assert_best);
    cluster.jobs[1].only = Some(vec!["n1".into()]);
    every_holding(&mut cluster, 0, 0, &assert_best);
}

#[test]
fn every_holding_with_weights_zones_and_a_last_resort() {
    let mut cluster = Cluster::of(3, &[3, 2]);
    cluster.nodes[0].weight = 3;
    every_holding(&mut cluster, 0, 0, &assert_best);
    cluster.nodes[0].zone = Some("a".into());
    cluster.nodes[1].zone = Some("a".into());
    every_holding(&mut cluster, 0, 0, &assert_best);
    cluster.nodes[1].last_resort = true;
    cluster.nodes[2].capacity = Some(2);
    every_holding(&mut cluster, 0, 0, &assert_best);
}

/// A cluster of up to 6 nodes and 12 workers with everything that a cluster can have.
fn random(rng: &mut Rng) -> Cluster {
    let mut left = rng.usize(0..=12);
    let mut jobs = Vec::new();
    while left > 0 && jobs.len() < 3 {
        let workers = rng.usize(1..=left.min(6));
        left -= workers;
        jobs.push(workers);
    }
    let mut cluster = Cluster::of(rng.usize(1..=6), &jobs);
    let (weights, zones, caps) = (rng.bool(), rng.bool(), rng.bool());
    for node in &mut cluster.nodes {
        node.weight = if weights { rng.u32(0..=3) } else { 1 };
        node.zone = zones.then(|| ["a", "b", "c"][rng.usize(..3)].into());
        node.capacity = (caps && rng.bool()).then(|| rng.u32(0..=4));
        node.accepts = rng.u32(..8) > 0;
        node.last_resort = rng.u32(..8) == 0;
    }
    let names: Vec<_> = cluster
        .nodes
        .iter()
        .map(|node| node.name.to_string())
        .collect();
    for job in &mut cluster.jobs {
        job.max_per_node = (rng.u32(..4) == 0).then(|| rng.u32(1..=3));
        job.only =
            (rng.u32(..4) == 0).then(|| names.iter().filter(|_| rng.bool()).cloned().collect());
        for seat in &mut job.seats {
            *seat = rng
                .u8(..)
                .is_multiple_of(4)
                .then_some(())
                .map_or_else(|| rng.choice(&names).cloned(), |()| None);
        }
    }
    cluster
}

/// How many plans there are, at most.
fn plans(cluster: &Cluster) -> u64 {
    let nodes = cluster.nodes.len() as u64;
    let ways = |seats: u64| (1..=seats).fold(1, |ways, k| ways * (nodes + k) / k);
    cluster
        .jobs
        .iter()
        .map(|job| ways(job.seats.len() as u64))
        .product()
}

#[test]
fn random_clusters_of_up_to_6_nodes_and_12_workers() {
    let samples = super::histories::number() / 2;
    for seed in 0..samples as u64 {
        let cluster = random(&mut Rng::with_seed(seed));
        if plans(&cluster) < 20_000 {
            assert_best(&cluster);
        }
    }
}
