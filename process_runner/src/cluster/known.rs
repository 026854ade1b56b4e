//! Finding what the user named, or saying what there is instead.

use super::ClusterError;
use super::in_force::InForce;
use super::picture::Picture;
use crate::coordination::{ClusterSnapshot, Member};
use crate::model::Slot;

/// The job of this name.
pub(super) fn job<'p>(
    picture: &'p Picture<'_>,
    job: &str,
) -> Result<&'p InForce<'p>, ClusterError> {
    picture
        .jobs
        .get(job)
        .ok_or_else(|| ClusterError::UnknownJob {
            job: job.to_owned(),
            known: picture.jobs.keys().map(ToString::to_string).collect(),
        })
}

/// Checks that the job has this worker index, or that somebody still holds it.
pub(super) fn slot(picture: &Picture<'_>, job: &str, index: u32) -> Result<Slot, ClusterError> {
    let workers = self::job(picture, job)?.workers;
    let slot = Slot::new(job, index);
    if index < workers || picture.cluster.slots.contains_key(&slot) {
        return Ok(slot);
    }
    Err(ClusterError::UnknownIndex {
        job: job.to_owned(),
        index,
        workers,
    })
}

/// The living node of this name.
pub(super) fn node<'c>(
    cluster: &'c ClusterSnapshot,
    node: &str,
) -> Result<&'c Member, ClusterError> {
    cluster
        .members
        .get(node)
        .ok_or_else(|| ClusterError::UnknownNode {
            node: node.to_owned(),
            known: cluster.members.keys().map(ToString::to_string).collect(),
        })
}
