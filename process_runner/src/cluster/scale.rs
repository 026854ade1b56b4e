//! `scale`: how many workers a job has, instead of what the configuration says.

use serde::Serialize;

use super::in_force::{self, InForce};
use super::picture::Picture;
use super::{Cluster, ClusterError, known, unix_ms};
use crate::coordination::{Changed, OverrideRecord, change_override};

/// As many as a configuration may ask for.
pub(super) const MAX_WORKERS: u32 = 1_000_000;

/// The workers a job is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workers {
    /// This many.
    To(u32),
    /// So many more, or fewer.
    By(i32),
    /// As many as the configuration says.
    Reset,
}

/// A job before and after `scale`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Scaled {
    /// The version of the document.
    pub v: u32,
    /// The job.
    pub job: String,
    /// Workers in force before.
    pub before: u32,
    /// Workers in force now.
    pub after: u32,
    /// Workers that the configuration asks for, if a living node has one that declares the job.
    pub configured: Option<u32>,
    /// True if an override is in force now.
    pub overridden: bool,
}

impl Cluster {
    /// Sets how many workers `job` has in the whole cluster. Zero parks it. The leader obeys; the
    /// number holds, over restarts and new configurations, until [`Workers::Reset`].
    ///
    /// Dropped, the change may or may not take place, once.
    ///
    /// # Errors
    ///
    /// Nobody knows the job, or it cannot have so many workers: then nothing is changed. Or etcd
    /// does not answer.
    pub async fn scale(&self, job: &str, workers: Workers) -> Result<Scaled, ClusterError> {
        let configured = self.known_job(job, |job| job.configured()).await?;
        let change = |now: &OverrideRecord| {
            let before = in_force::workers(Some(now), configured);
            Some(OverrideRecord {
                workers: wanted(before, workers).ok()?,
                by: self.by.clone(),
                ..now.clone()
            })
        };
        let (etcd, keys) = (&self.connection.etcd, &self.connection.keys);
        match change_override(etcd, keys, job, change).await? {
            Changed::Done { before, after } => Ok(Scaled {
                v: 1,
                job: job.to_owned(),
                before: in_force::workers(Some(&before), configured),
                after: in_force::workers(Some(&after), configured),
                configured,
                overridden: after.workers.is_some(),
            }),
            Changed::Refused { before } => {
                let before = in_force::workers(Some(&before), configured);
                Err(ClusterError::OutOfRange {
                    job: job.to_owned(),
                    workers: before,
                    asked: wanted(before, workers).err().unwrap_or_default(),
                })
            }
        }
    }

    /// How many workers `job` is to have: what an operator set, else what is configured. Cancel safe.
    ///
    /// # Errors
    ///
    /// Nobody knows the job, or etcd does not answer.
    pub async fn scheduled_workers(&self, job: &str) -> Result<u32, ClusterError> {
        self.known_job(job, |job| job.workers).await
    }

    /// Something of what holds for a job that must exist.
    pub(super) async fn known_job<T>(
        &self,
        job: &str,
        read: impl Fn(&InForce<'_>) -> T,
    ) -> Result<T, ClusterError> {
        let cluster = self.read().await?;
        let picture = Picture::new(&cluster, unix_ms());
        known::job(&picture, job).map(read)
    }
}

/// The number to set, `None` for none; or the number that is out of range.
fn wanted(before: u32, workers: Workers) -> Result<Option<u32>, i64> {
    let asked = match workers {
        Workers::Reset => return Ok(None),
        Workers::To(count) => i64::from(count),
        Workers::By(count) => i64::from(before) + i64::from(count),
    };
    let count = u32::try_from(asked).ok();
    match count.filter(|count| *count <= MAX_WORKERS) {
        Some(count) => Ok(Some(count)),
        None => Err(asked),
    }
}
