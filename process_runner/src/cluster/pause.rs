//! `pause` and `resume`: a job that runs nowhere for a while.

use std::time::Duration;

use serde::Serialize;

use super::in_force::{self, Pause};
use super::{Cluster, ClusterError, unix_ms};
use crate::coordination::{Changed, OverrideRecord, PausedRecord, change_override};

/// A job before and after `pause` or `resume`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PauseChange {
    /// The version of the document.
    pub v: u32,
    /// The job.
    pub job: String,
    /// The pause there was.
    pub before: Option<Pause>,
    /// The pause there is.
    pub after: Option<Pause>,
    /// Workers in force: as many run when it is not paused.
    pub workers: u32,
}

impl Cluster {
    /// Drains the workers of `job` on all nodes, until [`Cluster::resume`] or for so long. A pause
    /// takes the place of an earlier one.
    ///
    /// Dropped, the change may or may not take place.
    ///
    /// # Errors
    ///
    /// Nobody knows the job: then nothing is changed. Or etcd does not answer.
    pub async fn pause(
        &self,
        job: &str,
        for_: Option<Duration>,
        reason: Option<&str>,
    ) -> Result<PauseChange, ClusterError> {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let until = for_.map(|time| unix_ms().saturating_add(millis(time)));
        let record = PausedRecord {
            by: self.by.clone(),
            reason: reason.map(str::to_owned),
            until_unix_ms: until,
        };
        self.set_pause(job, Some(record)).await
    }

    /// Ends a pause. A job that is not paused stays as it is.
    ///
    /// Dropped, the change may or may not take place.
    ///
    /// # Errors
    ///
    /// Nobody knows the job: then nothing is changed. Or etcd does not answer.
    pub async fn resume(&self, job: &str) -> Result<PauseChange, ClusterError> {
        self.set_pause(job, None).await
    }

    async fn set_pause(
        &self,
        job: &str,
        paused: Option<PausedRecord>,
    ) -> Result<PauseChange, ClusterError> {
        let configured = self.known_job(job, |job| job.configured()).await?;
        let change = |now: &OverrideRecord| {
            let mut after = now.clone();
            after.paused.clone_from(&paused);
            Some(after)
        };
        let (etcd, keys) = (&self.connection.etcd, &self.connection.keys);
        let changed = change_override(etcd, keys, job, change).await?;
        let (before, after) = match changed {
            Changed::Done { before, after } => (before, after),
            Changed::Refused { before } => (before.clone(), before),
        };
        let now = unix_ms();
        Ok(PauseChange {
            v: 1,
            job: job.to_owned(),
            before: in_force::pause(&before, now),
            after: in_force::pause(&after, now),
            workers: in_force::workers(Some(&after), configured),
        })
    }
}
