//! `explain`: why a job's workers run where they run, or why one does not run.

use std::collections::BTreeMap;

use serde::Serialize;

use super::in_force::InForce;
use super::picture::Picture;
use super::status::{self, Verdict};
use super::{Cluster, ClusterError, JobStatus, SlotStatus, known, unix_ms};
use crate::coordination::{LedgerRecord, LedgerState, MemberRecord, read_ledger};
use crate::model::Slot;

/// What there is to say of a job, and of one of its slots.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The version of the document.
    pub v: u32,
    /// The etcd revision it was read at.
    pub revision: i64,
    /// The leader's name, if there is one.
    pub leader: Option<String>,
    /// The job.
    pub job: JobExplanation,
    /// The slot, if one was asked for.
    pub slot: Option<SlotExplanation>,
}

/// What there is to say of a job.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct JobExplanation {
    /// As in `status`.
    #[serde(flatten)]
    pub status: JobStatus,
    /// How many of its workers one node runs at most.
    pub max_per_node: Option<u32>,
    /// The labels that a node must have.
    pub labels: BTreeMap<String, String>,
    /// Every living node, and what it says to the job.
    pub nodes: Vec<NodeForJob>,
    /// Where configurations differ.
    pub drift: Vec<status::DriftStatus>,
    /// The slots that do not run.
    pub not_running: Vec<SlotStatus>,
}

/// A node, seen from a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NodeForJob {
    /// Its name.
    pub node: String,
    /// `up`, `quiet` or `draining`.
    pub state: String,
    /// True if it may run the job.
    pub eligible: bool,
    /// True if it would take another worker.
    pub takes: bool,
    /// Why not, if not.
    pub reason: Option<String>,
    /// Slots of the job that it holds.
    pub workers: u64,
    /// Slots that it holds in all.
    pub slots: u64,
    /// How many it runs at most.
    pub capacity: Option<u32>,
}

/// What there is to say of a slot.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SlotExplanation {
    /// As in `status`.
    #[serde(flatten)]
    pub status: SlotStatus,
    /// The process that owns it.
    pub incarnation: Option<String>,
    /// The etcd revision since which it owns it.
    pub since_revision: Option<i64>,
    /// Term and pass of the plan under which the owner got it.
    pub ordered: Option<(i64, u64)>,
    /// Term and pass of the plan that names `planned`.
    pub plan: Option<(i64, u64)>,
    /// What is known of the last holding.
    pub ledger: Option<LedgerStatus>,
}

/// How the last holding of a slot ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LedgerStatus {
    /// `held` while it lasts and after an unclean end, `clean` after everything was unlocked.
    pub state: String,
    /// Its owner.
    pub owner: String,
}

impl Cluster {
    /// Why the workers of `job` run where they run, or the one at `index`. Cancel safe.
    ///
    /// # Errors
    ///
    /// Nobody knows the job or the index, or etcd does not answer.
    pub async fn explain(
        &self,
        job: &str,
        index: Option<u32>,
    ) -> Result<Explanation, ClusterError> {
        let cluster = self.read().await?;
        let picture = Picture::new(&cluster, unix_ms());
        let in_force = known::job(&picture, job)?;
        let slot = match index {
            Some(index) => {
                let slot = known::slot(&picture, job, index)?;
                let (etcd, keys) = (&self.connection.etcd, &self.connection.keys);
                let ledger = read_ledger(etcd, keys, &slot).await?;
                Some(explain_slot(&picture, &slot, ledger))
            }
            None => None,
        };
        Ok(Explanation {
            v: 1,
            revision: cluster.revision,
            leader: cluster.leader.as_ref().map(|it| it.record.node.clone()),
            job: explain_job(&picture, job, in_force),
            slot,
        })
    }
}

fn explain_job(picture: &Picture<'_>, job: &str, in_force: &InForce<'_>) -> JobExplanation {
    let whole = status::status(picture);
    let of_job: Vec<_> = whole.slots.into_iter().filter(|it| it.job == job).collect();
    let declared = in_force.declared;
    let members = picture.cluster.members.iter();
    let nodes = members.map(|(node, member)| for_job(picture, job, in_force, node, &member.record));
    JobExplanation {
        status: status::job(job, in_force, &of_job),
        max_per_node: declared.and_then(|declared| declared.max_per_node),
        labels: declared.map_or_else(BTreeMap::new, |declared| declared.labels.clone()),
        nodes: nodes.collect(),
        drift: whole.drift.into_iter().filter(|it| it.job == job).collect(),
        not_running: of_job
            .into_iter()
            .filter(|it| it.state != "running")
            .collect(),
    }
}

fn for_job(
    picture: &Picture<'_>,
    job: &str,
    in_force: &InForce<'_>,
    node: &str,
    member: &MemberRecord,
) -> NodeForJob {
    let verdict = status::verdict(picture, job, in_force, node, member);
    let (slots, workers) = picture.owns(&member.incarnation, job);
    NodeForJob {
        node: node.to_owned(),
        state: member.state.clone(),
        eligible: matches!(verdict, Verdict::Takes | Verdict::Full(_)),
        takes: verdict == Verdict::Takes,
        workers,
        slots,
        capacity: member.capacity,
        reason: match verdict {
            Verdict::Takes => None,
            Verdict::NotDeclared => Some("does not declare the job".to_owned()),
            Verdict::NotEligible(reason) | Verdict::Full(reason) => Some(reason),
        },
    }
}

fn explain_slot(
    picture: &Picture<'_>,
    slot: &Slot,
    ledger: Option<LedgerRecord>,
) -> SlotExplanation {
    let owned = picture.cluster.slots.get(slot);
    let ordered = owned.map(|owned| owned.record.ordered);
    // A slot that its node took by itself was ordered by nobody.
    let ordered = ordered.filter(|ordered| ordered.term > 0);
    let plan = picture.plan_of(slot).map(|(_, plan)| plan);
    SlotExplanation {
        status: status::slot(picture, slot),
        incarnation: owned.map(|owned| owned.record.incarnation.clone()),
        since_revision: owned.map(|owned| owned.mod_revision),
        ordered: ordered.map(|it| (it.term, it.generation)),
        plan: plan.map(|it| (it.term, it.generation)),
        ledger: ledger.map(|ledger| LedgerStatus {
            state: match ledger.state {
                LedgerState::Held => "held".to_owned(),
                LedgerState::Clean => "clean".to_owned(),
            },
            owner: ledger.owner,
        }),
    }
}
