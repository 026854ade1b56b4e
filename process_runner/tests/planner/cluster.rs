//! A cluster that lives from plan to plan, by names.

use std::collections::BTreeMap;

use process_runner::model::planner::{Placement, Plan, Scope, plan};
use process_runner::model::view::{ClusterView, Eligible, JobView, NodeIx, NodeView, Seat};

/// Nodes and jobs, and which node is to have which seat.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<NodeView>,
    pub(crate) jobs: Vec<Job>,
}

#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) max_per_node: Option<u32>,
    /// The names of the nodes that may run it; `None` for all.
    pub(crate) only: Option<Vec<String>>,
    /// Who has each worker; a name that is no node's is nobody.
    pub(crate) seats: Vec<Option<String>>,
}

pub(crate) fn node(name: &str) -> NodeView {
    NodeView {
        name: name.into(),
        accepts: true,
        capacity: None,
        weight: 1,
        zone: None,
        labels: BTreeMap::new(),
        last_resort: false,
    }
}

pub(crate) fn job(name: &str, workers: usize) -> Job {
    Job {
        name: name.to_owned(),
        max_per_node: None,
        only: None,
        seats: vec![None; workers],
    }
}

impl Cluster {
    /// Nodes `n0`, `n1`… and jobs `j0`, `j1`… of so many workers each.
    pub(crate) fn of(nodes: usize, jobs: &[usize]) -> Self {
        let names = (0..nodes).map(|n| node(&format!("n{n}")));
        let jobs = jobs.iter().enumerate();
        Self {
            nodes: names.collect(),
            jobs: jobs
                .map(|(j, workers)| job(&format!("j{j}"), *workers))
                .collect(),
        }
    }

    pub(crate) fn join(&mut self, name: &str) -> &mut NodeView {
        self.nodes.push(node(name));
        self.nodes.last_mut().unwrap()
    }

    pub(crate) fn leave(&mut self, name: &str) {
        self.nodes.retain(|node| &*node.name != name);
    }

    pub(crate) fn node(&mut self, name: &str) -> &mut NodeView {
        self.nodes
            .iter_mut()
            .find(|node| &*node.name == name)
            .unwrap()
    }

    pub(crate) fn view(&self) -> ClusterView {
        let places: BTreeMap<&str, NodeIx> = (0..)
            .zip(&self.nodes)
            .map(|(place, node)| (&*node.name, place))
            .collect();
        let place = |name: &String| places.get(name.as_str()).copied();
        let jobs = self.jobs.iter().map(|job| JobView {
            job: job.name.as_str().into(),
            max_per_node: job.max_per_node,
            eligible: match &job.only {
                None => Eligible::All,
                Some(names) => {
                    let mut nodes: Vec<_> = names.iter().filter_map(place).collect();
                    nodes.sort_unstable();
                    Eligible::Only(nodes)
                }
            },
            seats: job
                .seats
                .iter()
                .map(|seat| {
                    seat.as_ref()
                        .and_then(place)
                        .map_or(Seat::Free, Seat::Taken)
                })
                .collect(),
        });
        ClusterView {
            nodes: self.nodes.clone(),
            jobs: jobs.collect(),
        }
    }

    /// Plans and carries the plan out.
    pub(crate) fn step(&mut self, scope: Scope) -> Plan {
        let plan = plan(&self.view(), scope);
        self.carry_out(&plan);
        plan
    }

    pub(crate) fn carry_out(&mut self, plan: &Plan) {
        for (job, placements) in self.jobs.iter_mut().zip(&plan.jobs) {
            assert_eq!(job.seats.len(), placements.len(), "job `{}`", job.name);
            for (seat, placement) in job.seats.iter_mut().zip(placements) {
                *seat = match placement {
                    Placement::On(node) => Some(self.nodes[*node as usize].name.to_string()),
                    Placement::Unplaced(_) | Placement::Done => None,
                };
            }
        }
    }
}

/// Per job and node, how many workers a view has there.
pub(crate) fn held(view: &ClusterView) -> Vec<Vec<u32>> {
    let count = |job: &JobView| {
        let mut counts = vec![0; view.nodes.len()];
        for seat in &job.seats {
            if let Seat::Taken(node) = seat {
                counts[*node as usize] += 1;
            }
        }
        counts
    };
    view.jobs.iter().map(count).collect()
}

/// The sums over jobs.
pub(crate) fn totals(counts: &[Vec<u32>]) -> Vec<u32> {
    let nodes = counts.first().map_or(0, Vec::len);
    (0..nodes)
        .map(|node| counts.iter().map(|job| job[node]).sum())
        .collect()
}

/// Greatest less least.
pub(crate) fn spread(counts: &[u32]) -> u32 {
    let most = counts.iter().max().copied().unwrap_or(0);
    most - counts.iter().min().copied().unwrap_or(0)
}

/// How many seats change hands or get their first.
pub(crate) fn moves(view: &ClusterView, plan: &Plan) -> usize {
    plan.moves(view).count()
}
