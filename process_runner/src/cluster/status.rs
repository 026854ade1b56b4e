//! Desired against actual, put together from what nodes wrote: the document of `status --json`.
//!
//! Desired is what is in force for each job: what an operator set, else what the configurations of
//! the living nodes ask for; nothing while the job is paused. Every slot of it is listed, and every
//! one that does not run has a reason.

mod drift;
mod slots;
mod why_not;

use std::collections::BTreeMap;

use serde::Serialize;

use super::Pause;
use super::in_force::InForce;
use super::picture::Picture;

pub use drift::DriftStatus;
pub(super) use slots::slot;
pub(super) use why_not::{Verdict, verdict};

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
    /// Workers that should run: those in force, without those of paused jobs.
    pub desired: u64,
    /// Workers that run.
    pub running: u64,
    /// The living nodes.
    pub nodes: Vec<NodeStatus>,
    /// The jobs that living nodes declare or an operator has set something for.
    pub jobs: Vec<JobStatus>,
    /// Every slot, running or not.
    pub slots: Vec<SlotStatus>,
    /// Where the configurations of living nodes differ.
    pub drift: Vec<DriftStatus>,
    /// Keys in etcd whose values cannot be read. Nodes leave them out, too.
    pub unreadable: Vec<UnreadableKey>,
}

/// A key that something else wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UnreadableKey {
    /// The key.
    pub key: String,
    /// What is wrong with its value, and what to do.
    pub error: String,
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
    /// Its share of the work, relative to other nodes.
    pub weight: u32,
    /// What jobs may ask for.
    pub labels: BTreeMap<String, String>,
    /// The hash of the jobs in its configuration.
    pub config: String,
    /// How often it crashed lately. It gets only what fits nowhere else for a while.
    pub crashes: u32,
    /// True if it leads.
    pub leader: bool,
    /// Slots of its plan, if it has one.
    pub planned: Option<u64>,
}

/// One job.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct JobStatus {
    /// Its name.
    pub job: String,
    /// Its class, if a living node declares the job.
    pub class: Option<String>,
    /// Workers in force.
    pub workers: u32,
    /// Workers the configuration asks for, if a living node declares the job.
    pub configured: Option<u32>,
    /// True if a live override is in force.
    pub overridden: bool,
    /// Who set the override.
    pub overridden_by: Option<String>,
    /// By whom, why and until when it is paused, if it is.
    pub paused: Option<Pause>,
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
    /// The node that the plan names.
    pub planned: Option<String>,
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
pub(super) fn status(picture: &Picture<'_>) -> Status {
    let cluster = picture.cluster;
    let slots = slots::slots(picture);
    let jobs = jobs(picture, &slots);
    let desired = jobs.iter().filter(|job| job.paused.is_none());
    Status {
        v: 1,
        revision: cluster.revision,
        term: cluster.leader.as_ref().map(|leader| leader.term),
        leader: cluster.leader.as_ref().map(|it| it.record.node.clone()),
        desired: desired.map(|job| u64::from(job.workers)).sum(),
        running: jobs.iter().map(|job| job.running).sum(),
        nodes: nodes(picture),
        drift: drift::drift(picture),
        unreadable: unreadable(picture),
        jobs,
        slots,
    }
}

fn unreadable(picture: &Picture<'_>) -> Vec<UnreadableKey> {
    let left_out = picture.cluster.unreadable.iter();
    left_out
        .map(|left_out| UnreadableKey {
            key: left_out.key.clone(),
            error: left_out.error.clone(),
        })
        .collect()
}

fn jobs(picture: &Picture<'_>, slots: &[SlotStatus]) -> Vec<JobStatus> {
    let jobs = picture.jobs.iter();
    // The slots are sorted by job: each job looks at its own alone.
    let of_job = |job: &str| {
        let from = slots.partition_point(|slot| *slot.job < *job);
        let to = slots.partition_point(|slot| *slot.job <= *job);
        &slots[from..to]
    };
    jobs.map(|(name, in_force)| job(name, in_force, of_job(name)))
        .collect()
}

/// One job, with its slots.
pub(super) fn job(name: &str, in_force: &InForce<'_>, slots: &[SlotStatus]) -> JobStatus {
    let running = slots.iter().filter(|slot| slot.state == "running");
    JobStatus {
        job: name.to_owned(),
        class: in_force.declared.map(|declared| declared.class.clone()),
        workers: in_force.workers,
        configured: in_force.configured(),
        overridden: in_force.is_overridden(),
        overridden_by: in_force.set_by(),
        paused: in_force.pause.clone(),
        running: running.count() as u64,
    }
}

fn nodes(picture: &Picture<'_>) -> Vec<NodeStatus> {
    let cluster = picture.cluster;
    let planned = |node: &str| {
        let plan = cluster.plans.get(node)?;
        let indexes = plan.slots.values();
        Some(indexes.map(|indexes| indexes.iter().count() as u64).sum())
    };
    let leads = |incarnation: &str| {
        let leader = cluster.leader.as_ref();
        leader.is_some_and(|leader| leader.record.incarnation == incarnation)
    };
    let members = cluster.members.iter();
    members
        .map(|(node, member)| {
            let member = &member.record;
            NodeStatus {
                node: node.to_string(),
                incarnation: member.incarnation.clone(),
                state: member.state.clone(),
                slots: picture.owns(&member.incarnation, "").0,
                capacity: member.capacity,
                zone: member.zone.clone(),
                version: member.version.clone(),
                host: member.host.clone(),
                pid: member.pid,
                weight: member.weight,
                labels: member.labels.clone(),
                config: member.config.clone(),
                crashes: member.crashes,
                leader: leads(&member.incarnation),
                planned: planned(node),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
