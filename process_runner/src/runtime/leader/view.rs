//! From the picture to the planner's view: dense, and with the planned owner of each slot.
//!
//! A seat is taken by the node it is planned for, while that node lives; else by the one that holds
//! it, while that one lives; else it is free. A slot whose key still stands under a vanished node is
//! planned like a free one, and granted when its key is gone.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::picture::{Member, Picture};
use super::planned::Planned;
use crate::coordination::{
    ConfigRecord, JobInForce, JobsInForce, MemberRecord, StoredConfig, in_force,
};
use crate::model::Moment;
use crate::model::leading::Turnover;
use crate::model::planner::Placement;
use crate::model::view::{ClusterView, Eligible, JobView, NodeIx, NodeView, Seat};

/// More workers than any job has: a number that somebody mistyped must not fill the memory.
const MOST_WORKERS: u32 = 1_000_000;

/// A view, and what its places stand for.
pub(super) struct Assembled<'a> {
    pub(super) view: ClusterView,
    /// As [`ClusterView::nodes`].
    pub(super) nodes: Vec<(&'a Arc<str>, &'a Member)>,
    /// By incarnation.
    pub(super) places: HashMap<&'a str, NodeIx>,
    pub(super) in_force: JobsInForce<'a>,
}

/// What a view is put together from.
pub(super) struct Sources<'a> {
    pub(super) picture: &'a Picture,
    pub(super) configs: &'a BTreeMap<String, StoredConfig>,
    pub(super) planned: &'a Planned,
    pub(super) turnover: &'a Turnover,
    pub(super) now: Moment,
    pub(super) unix_ms: u64,
}

/// Puts the view together. Nodes and jobs stand in the order of their names.
pub(super) fn assemble<'a>(sources: &Sources<'a>) -> Assembled<'a> {
    let nodes: Vec<_> = sources.picture.members.iter().collect();
    let places: HashMap<&str, NodeIx> = nodes
        .iter()
        .enumerate()
        .map(|(place, (_, member))| (&*member.incarnation, place as NodeIx))
        .collect();
    let configs: Vec<_> = nodes
        .iter()
        .map(|(_, member)| config(sources, &member.record.config))
        .collect();
    let jobs = in_force(
        nodes.iter().map(|(_, member)| &member.record),
        |hash| config(sources, hash),
        &sources.picture.overrides,
        sources.unix_ms,
    );
    let seating = Seating::new(sources, &nodes, &places);
    let job_views = jobs.jobs.iter().map(|(name, job)| JobView {
        job: (*name).into(),
        max_per_node: job.settings.max_per_node,
        eligible: eligible(name, job, &nodes, &configs),
        seats: seating.seats(name, job.seats().min(MOST_WORKERS)),
    });
    let view = ClusterView {
        jobs: job_views.collect(),
        nodes: nodes
            .iter()
            .map(|(name, member)| node_view(sources, name, member))
            .collect(),
    };
    Assembled {
        view,
        nodes,
        places,
        in_force: jobs,
    }
}

fn config<'a>(sources: &Sources<'a>, hash: &str) -> Option<&'a ConfigRecord> {
    sources.configs.get(hash).map(|config| &config.record)
}

fn node_view(sources: &Sources<'_>, name: &Arc<str>, member: &Member) -> NodeView {
    let record = &member.record;
    NodeView {
        name: Arc::clone(name),
        accepts: record.state == "up",
        capacity: record.capacity,
        weight: record.weight,
        zone: record.zone.as_deref().map(Arc::from),
        labels: record.labels.clone(),
        last_resort: sources
            .turnover
            .last_resort(&member.incarnation, sources.now),
    }
}

/// The nodes whose own configuration declares the job and that have its labels.
fn eligible(
    name: &str,
    job: &JobInForce<'_>,
    nodes: &[(&Arc<str>, &Member)],
    configs: &[Option<&ConfigRecord>],
) -> Eligible {
    let labels = &job.settings.labels;
    let has_labels = |record: &MemberRecord| {
        labels
            .iter()
            .all(|(key, value)| record.labels.get(key) == Some(value))
    };
    let may: Vec<NodeIx> = (0..nodes.len())
        .filter(|node| {
            let declares = configs[*node].is_some_and(|config| config.jobs.contains_key(name));
            declares && has_labels(&nodes[*node].1.record)
        })
        .map(|node| node as NodeIx)
        .collect();
    if may.len() == nodes.len() {
        Eligible::All
    } else {
        Eligible::Only(may)
    }
}

/// Looks up the seats of jobs.
struct Seating<'s, 'a> {
    sources: &'s Sources<'a>,
    nodes: &'s [(&'a Arc<str>, &'a Member)],
    places: &'s HashMap<&'a str, NodeIx>,
    /// From a place in the last plan to one in this view, if that node still lives.
    continued: Vec<Option<NodeIx>>,
}

impl<'s, 'a> Seating<'s, 'a> {
    fn new(
        sources: &'s Sources<'a>,
        nodes: &'s [(&'a Arc<str>, &'a Member)],
        places: &'s HashMap<&'a str, NodeIx>,
    ) -> Self {
        let planned = sources.planned.nodes().iter();
        Self {
            sources,
            nodes,
            places,
            continued: planned.map(|node| places.get(&**node).copied()).collect(),
        }
    }

    fn seats(&self, job: &str, workers: u32) -> Vec<Seat> {
        let mut seats = vec![Seat::Free; workers as usize];
        if let Some(held) = self.sources.picture.slots.get(job) {
            for (index, owner) in held.range(..workers) {
                if let Some(node) = self.places.get(&**owner) {
                    seats[*index as usize] = Seat::Taken(*node);
                }
            }
        }
        for (seat, planned) in seats.iter_mut().zip(self.sources.planned.seats(job)) {
            if let Placement::On(before) = planned
                && let Some(node) = self.continued[*before as usize]
            {
                *seat = Seat::Taken(node);
            }
        }
        for done in self
            .nodes
            .iter()
            .filter_map(|(_, m)| m.record.done.get(job))
        {
            for index in done.iter().filter(|index| *index < workers) {
                seats[index as usize] = Seat::Done;
            }
        }
        seats
    }
}
