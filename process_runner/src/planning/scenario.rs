//! The rehearsal itself: plan, lose and join, plan again, compare.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::view::view;
use super::{ImaginedNode, ScenarioError};
use crate::config::{Config, JobConfig};
use crate::model::planner::{Obstacle, Placement, Plan, Scope, plan};
use crate::model::view::ClusterView;

/// Nodes, and what becomes of them.
#[derive(Debug, Clone, Default)]
pub struct Scenario {
    /// Those that are there first.
    pub nodes: Vec<ImaginedNode>,
    /// Those of them that are lost.
    pub lose: Vec<Arc<str>>,
    /// Those that join.
    pub join: Vec<ImaginedNode>,
}

/// Who runs what: for each node its jobs, for each job the worker indexes, ascending. A node with
/// nothing to run is there, and empty.
pub type Assignment = BTreeMap<Arc<str>, BTreeMap<Arc<str>, Vec<u32>>>;

/// How a scenario ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsal {
    /// Who runs what among the first nodes.
    pub before: Assignment,
    /// Who runs what once the losses and joins have happened.
    pub after: Assignment,
    /// What gets another node in between, or its first, by job and index.
    pub moves: Vec<SlotMove>,
    /// What nobody runs in the end, by job and index.
    pub unplaced: Vec<UnplacedSlot>,
}

/// A worker index that gets another node, or its first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotMove {
    /// The job.
    pub job: Arc<str>,
    /// The worker index.
    pub index: u32,
    /// Who ran it, if anybody.
    pub from: Option<Arc<str>>,
    /// Who runs it now.
    pub to: Arc<str>,
}

/// A worker index that nobody runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnplacedSlot {
    /// The job.
    pub job: Arc<str>,
    /// The worker index.
    pub index: u32,
    /// What stands in its way.
    pub reason: String,
}

/// Plays `scenario` with the jobs of `config`.
pub fn rehearse(config: &Config, scenario: &Scenario) -> Result<Rehearsal, ScenarioError> {
    check(scenario)?;
    let at_first = view(config, &scenario.nodes, &Assignment::new());
    let before = assignment(&at_first, &plan(&at_first, Scope::Balance));
    let nodes = scenario
        .nodes
        .iter()
        .filter(|node| !scenario.lose.contains(&node.name));
    let nodes: Vec<_> = nodes.chain(&scenario.join).cloned().collect();
    let at_last = view(config, &nodes, &before);
    let last_plan = plan(&at_last, Scope::Balance);
    let after = assignment(&at_last, &last_plan);
    Ok(Rehearsal {
        moves: moves(config, &before, &after),
        unplaced: unplaced(config, &at_last, &last_plan),
        before,
        after,
    })
}

fn check(scenario: &Scenario) -> Result<(), ScenarioError> {
    if scenario.nodes.is_empty() {
        return Err(ScenarioError::NoNodes);
    }
    let mut names = BTreeSet::new();
    for node in scenario.nodes.iter().chain(&scenario.join) {
        if !names.insert(&node.name) {
            let node = node.name.to_string();
            return Err(ScenarioError::NameTwice { node });
        }
    }
    let mut lost_names = BTreeSet::new();
    for lost in &scenario.lose {
        let node = lost.to_string();
        if !scenario.nodes.iter().any(|node| node.name == *lost) {
            let there = scenario.nodes.iter().map(|node| node.name.to_string());
            let there = there.collect();
            return Err(ScenarioError::NotThere { node, there });
        }
        if !lost_names.insert(lost) {
            return Err(ScenarioError::LostTwice { node });
        }
    }
    Ok(())
}

fn assignment(view: &ClusterView, plan: &Plan) -> Assignment {
    let nodes = view
        .nodes
        .iter()
        .map(|node| (Arc::clone(&node.name), BTreeMap::new()));
    let mut assignment: Assignment = nodes.collect();
    for (job, placements) in view.jobs.iter().zip(&plan.jobs) {
        for (index, placement) in (0..).zip(placements) {
            if let Placement::On(node) = placement {
                let node = &view.nodes[*node as usize].name;
                let jobs = assignment.entry(Arc::clone(node)).or_default();
                jobs.entry(Arc::clone(&job.job)).or_default().push(index);
            }
        }
    }
    assignment
}

/// By name: a node that is lost is in no view any more.
fn moves(config: &Config, before: &Assignment, after: &Assignment) -> Vec<SlotMove> {
    let mut moves = Vec::new();
    for job in config.jobs.values() {
        let (had, has) = (owners(job, before), owners(job, after));
        for (index, (from, to)) in (0..).zip(had.into_iter().zip(has)) {
            if let Some(to) = to.filter(|to| from != Some(to)) {
                moves.push(SlotMove {
                    job: Arc::clone(&job.name),
                    index,
                    from: from.cloned(),
                    to: Arc::clone(to),
                });
            }
        }
    }
    moves
}

/// Who has each worker index of `job`.
fn owners<'a>(job: &JobConfig, assignment: &'a Assignment) -> Vec<Option<&'a Arc<str>>> {
    let mut owners = vec![None; job.workers as usize];
    for (node, jobs) in assignment {
        for index in jobs.get(&job.name).into_iter().flatten() {
            owners[*index as usize] = Some(node);
        }
    }
    owners
}

fn unplaced(config: &Config, view: &ClusterView, plan: &Plan) -> Vec<UnplacedSlot> {
    let slot = |(job, index, obstacle): (usize, u32, Obstacle)| {
        let job = &view.jobs[job].job;
        UnplacedSlot {
            job: Arc::clone(job),
            index,
            reason: reason(view, &config.jobs[job], obstacle),
        }
    };
    plan.unplaced().map(slot).collect()
}

fn reason(view: &ClusterView, job: &JobConfig, obstacle: Obstacle) -> String {
    let labels = || {
        let labels = job
            .labels
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        labels.collect::<Vec<_>>().join(", ")
    };
    match (obstacle, job.max_per_node) {
        (Obstacle::NoNode, _) if view.nodes.is_empty() => "there is no node".to_owned(),
        (Obstacle::NoNode, _) => format!("no node has the labels {}", labels()),
        (Obstacle::MaxPerNode, Some(max)) => {
            format!("every node that may run it runs the job's max_per_node of {max}")
        }
        (Obstacle::MaxPerNode | Obstacle::Capacity | Obstacle::NoneAccepts, _) => {
            obstacle.to_string()
        }
    }
}
