//! From a configuration and imagined nodes to what the planner sees.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Assignment, ImaginedNode};
use crate::config::{Config, JobConfig};
use crate::model::view::{ClusterView, Eligible, JobView, NodeIx, NodeView, Seat};

/// The cluster of `nodes`, of which each has what `held` says.
pub(super) fn view(config: &Config, nodes: &[ImaginedNode], held: &Assignment) -> ClusterView {
    let nodes: Vec<NodeView> = nodes.iter().map(|node| node_view(config, node)).collect();
    let jobs = config.jobs.values().map(|job| JobView {
        job: Arc::clone(&job.name),
        max_per_node: job.max_per_node,
        eligible: eligible(job, &nodes),
        seats: seats(job, &nodes, held),
    });
    ClusterView {
        jobs: jobs.collect(),
        nodes,
    }
}

fn node_view(config: &Config, node: &ImaginedNode) -> NodeView {
    let mut labels = config.node.labels.clone();
    labels.extend(node.labels.clone());
    NodeView {
        name: Arc::clone(&node.name),
        accepts: true,
        capacity: node.max_workers,
        weight: config.node.weight,
        // They all have that of the one configuration, so it makes no difference.
        zone: None,
        labels,
        last_resort: false,
    }
}

fn eligible(job: &JobConfig, nodes: &[NodeView]) -> Eligible {
    if job.labels.is_empty() {
        return Eligible::All;
    }
    let has_all = |labels: &BTreeMap<String, String>| {
        job.labels
            .iter()
            .all(|(name, value)| labels.get(name) == Some(value))
    };
    let places = (0..).zip(nodes);
    let eligible = places.filter(|(_, node)| has_all(&node.labels));
    Eligible::Only(eligible.map(|(place, _): (NodeIx, _)| place).collect())
}

fn seats(job: &JobConfig, nodes: &[NodeView], held: &Assignment) -> Vec<Seat> {
    let mut seats = vec![Seat::Free; job.workers as usize];
    for (place, node) in (0..).zip(nodes) {
        let indexes = held.get(&node.name).and_then(|jobs| jobs.get(&job.name));
        for index in indexes.into_iter().flatten() {
            if let Some(seat) = seats.get_mut(*index as usize) {
                *seat = Seat::Taken(place);
            }
        }
    }
    seats
}
