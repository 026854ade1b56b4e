//! Desired against actual, put together from what nodes wrote: the document of `status --json`.
//!
//! Desired is what the configurations of the living nodes ask for. Every slot of it is listed, and
//! every one that does not run has a reason.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::coordination::{ClusterSnapshot, JobRecord, WorkerRecord};
use crate::model::{Fence, Slot};

/// The cluster at one revision. Serializes to the document of `status --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The version of the document.
    pub v: u32,
    /// The etcd revision it was read at.
    pub revision: i64,
    /// The leader's term, if there is a leader.
    pub term: Option<i64>,
    /// The leader's name, if there is one.
    pub leader: Option<String>,
    /// Workers that should run.
    pub desired: u64,
    /// Workers that run.
    pub running: u64,
    /// The living nodes.
    pub nodes: Vec<NodeStatus>,
    /// The jobs that living nodes declare.
    pub jobs: Vec<JobStatus>,
    /// Every slot, running or not.
    pub slots: Vec<SlotStatus>,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NodeStatus {
    /// Its name.
    pub node: String,
    /// Its incarnation: random at each start.
    pub incarnation: String,
    /// `up`, `quiet` or `draining`.
    pub state: String,
    /// Slots it owns.
    pub slots: u64,
    /// How many it runs at most.
    pub capacity: Option<u32>,
    /// Its zone.
    pub zone: Option<String>,
    /// The version of process_runner it runs.
    pub version: String,
    /// The machine it runs on.
    pub host: String,
    /// Its process.
    pub pid: u32,
}

/// One job.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct JobStatus {
    /// Its name.
    pub job: String,
    /// Its class.
    pub class: String,
    /// Workers in force.
    pub workers: u32,
    /// Workers the configuration asks for.
    pub configured: u32,
    /// True if a live override is in force.
    pub overridden: bool,
    /// Why it is paused, if it is.
    pub paused: Option<String>,
    /// Workers that run.
    pub running: u64,
}

/// One slot.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SlotStatus {
    /// Its job.
    pub job: String,
    /// Its worker index.
    pub index: u32,
    /// The node that owns it.
    pub node: Option<String>,
    /// The fence of the present holding.
    pub fence: Option<u64>,
    /// See the interface's list of states.
    pub state: String,
    /// The hook the worker is in, while its node answers.
    pub phase: Option<String>,
    /// Milliseconds since the worker's last progress.
    pub since_progress_ms: Option<u64>,
    /// Iterations of this holding.
    pub iterations: Option<u64>,
    /// Records of this holding.
    pub records: Option<u64>,
    /// Errors of this holding.
    pub errors: Option<u64>,
    /// Why it does not run.
    pub reason: Option<String>,
}

/// Puts the document together.
pub(super) fn status(cluster: &ClusterSnapshot) -> Status {
    let declared = declared(cluster);
    let slots = slots(cluster, &declared);
    let runs = |job: &str| {
        slots
            .iter()
            .filter(|s| s.job == job && s.state == "running")
            .count()
    };
    let jobs: Vec<_> = declared
        .iter()
        .map(|(job, record)| JobStatus {
            job: job.clone(),
            class: record.class.clone(),
            workers: record.workers,
            configured: record.workers,
            overridden: false,
            paused: None,
            running: runs(job) as u64,
        })
        .collect();
    Status {
        v: 1,
        revision: cluster.revision,
        term: None,
        leader: None,
        desired: jobs.iter().map(|job| u64::from(job.workers)).sum(),
        running: jobs.iter().map(|job| job.running).sum(),
        nodes: nodes(cluster),
        jobs,
        slots,
    }
}

fn nodes(cluster: &ClusterSnapshot) -> Vec<NodeStatus> {
    cluster
        .members
        .iter()
        .map(|(node, member)| NodeStatus {
            node: node.to_string(),
            incarnation: member.incarnation.clone(),
            state: member.state.clone(),
            slots: cluster
                .slots
                .values()
                .filter(|slot| slot.record.incarnation == member.incarnation)
                .count() as u64,
            capacity: member.capacity,
            zone: member.zone.clone(),
            version: member.version.clone(),
            host: member.host.clone(),
            pid: member.pid,
        })
        .collect()
}

/// The jobs of the living nodes; of one that several declare, the configuration loaded last counts.
fn declared(cluster: &ClusterSnapshot) -> BTreeMap<String, JobRecord> {
    let mut members: Vec<_> = cluster.members.values().collect();
    members.sort_by_key(|member| (member.loaded_at, &member.config));
    let mut jobs = BTreeMap::new();
    for config in members
        .iter()
        .filter_map(|member| cluster.configs.get(&member.config))
    {
        for (job, record) in &config.jobs {
            jobs.insert(job.clone(), record.clone());
        }
    }
    jobs
}

fn slots(cluster: &ClusterSnapshot, declared: &BTreeMap<String, JobRecord>) -> Vec<SlotStatus> {
    let wanted = declared.iter().flat_map(|(job, record)| {
        let job: Arc<str> = job.as_str().into();
        (0..record.workers).map(move |index| Slot {
            job: Arc::clone(&job),
            index,
        })
    });
    let mut all: Vec<Slot> = wanted.collect();
    let extra = cluster.slots.keys().filter(|slot| {
        declared
            .get(&*slot.job)
            .is_none_or(|record| slot.index >= record.workers)
    });
    all.extend(extra.cloned());
    all.sort();
    all.iter()
        .map(|slot| slot_status(cluster, slot, declared))
        .collect()
}

fn slot_status(
    cluster: &ClusterSnapshot,
    slot: &Slot,
    declared: &BTreeMap<String, JobRecord>,
) -> SlotStatus {
    let owned = cluster.slots.get(slot);
    let worker = owned.and_then(|owned| {
        let status = cluster.statuses.get(&owned.record.owner)?;
        let found = status
            .workers
            .iter()
            .find(|w| w.job == *slot.job && w.index == slot.index)?;
        (status.incarnation == owned.record.incarnation).then_some(found)
    });
    let (state, reason) = match (owned, worker) {
        (_, Some(worker)) => (worker.state.clone(), worker.reason.clone()),
        (Some(owned), None) => unreported(cluster, &owned.record.owner),
        (None, _) => unowned(cluster, slot, declared),
    };
    let count = |read: fn(&WorkerRecord) -> Option<u64>| worker.and_then(read);
    SlotStatus {
        job: slot.job.to_string(),
        index: slot.index,
        node: owned.map(|owned| owned.record.owner.clone()),
        fence: owned
            .and_then(|o| Fence::new(cluster.epoch, o.mod_revision))
            .map(Fence::get),
        state,
        phase: worker.and_then(|worker| worker.phase.clone()),
        since_progress_ms: count(|worker| worker.since_progress_ms),
        iterations: count(|worker| worker.iterations),
        records: count(|worker| worker.records),
        errors: count(|worker| worker.errors),
        reason,
    }
}

/// A slot whose owner has not said how its worker stands.
fn unreported(cluster: &ClusterSnapshot, owner: &str) -> (String, Option<String>) {
    if cluster.members.contains_key(owner) {
        (
            "starting".to_owned(),
            Some(format!("node `{owner}` has not reported it yet")),
        )
    } else {
        let reason = format!("node `{owner}` is gone; waiting until its lease runs out");
        ("waiting".to_owned(), Some(reason))
    }
}

/// A slot that nobody owns: either somebody is about to take it, or no node has room.
fn unowned(
    cluster: &ClusterSnapshot,
    slot: &Slot,
    declared: &BTreeMap<String, JobRecord>,
) -> (String, Option<String>) {
    let max_per_node = declared
        .get(&*slot.job)
        .and_then(|record| record.max_per_node);
    let mut full = Vec::new();
    for (node, member) in &cluster.members {
        let declares = cluster
            .configs
            .get(&member.config)
            .is_some_and(|config| config.jobs.contains_key(&*slot.job));
        if !declares {
            continue;
        }
        let owned = cluster
            .slots
            .iter()
            .filter(|(_, o)| o.record.owner == **node);
        let of_job = owned
            .clone()
            .filter(|(other, _)| other.job == slot.job)
            .count();
        match (member.capacity, max_per_node) {
            (Some(max), _) if owned.count() >= max as usize => {
                full.push(format!("node `{node}` runs its max_workers of {max}"));
            }
            (_, Some(max)) if of_job >= max as usize => {
                full.push(format!(
                    "node `{node}` runs the job's max_per_node of {max}"
                ));
            }
            _ => {
                return (
                    "waiting".to_owned(),
                    Some(format!("node `{node}` is about to take it")),
                );
            }
        }
    }
    ("unplaced".to_owned(), Some(full.join("; ")))
}

#[cfg(test)]
mod tests;
