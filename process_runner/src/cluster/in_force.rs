//! What holds for each job: what the configurations of the living nodes say, and what operators
//! set instead.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::coordination::{ClusterSnapshot, JobRecord, OverrideRecord, PausedRecord, in_force};
use crate::model::{duration, one_line};

/// Of who paused a job and why, in characters.
const LONGEST: usize = 1_000;

/// A job that somebody stopped on all nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Pause {
    /// Who: user and host.
    pub by: String,
    /// Why, if they said so, on one line.
    pub reason: Option<String>,
    /// Milliseconds since 1970 after which it runs again by itself.
    pub until_unix_ms: Option<u64>,
}

impl Pause {
    fn of(record: &PausedRecord) -> Self {
        let reason = record.reason.as_deref();
        let reason = reason.map(|reason| one_line(reason, LONGEST));
        Self {
            by: one_line(&record.by, LONGEST),
            reason: reason.filter(|reason| !reason.is_empty()),
            until_unix_ms: record.until_unix_ms,
        }
    }

    /// "paused by ann@ops for another 1h59m: migration", `now` being milliseconds since 1970.
    pub fn describe(&self, now_unix_ms: u64) -> String {
        let mut text = "paused".to_owned();
        if !self.by.is_empty() {
            text += &format!(" by {}", self.by);
        }
        if let Some(until) = self.until_unix_ms {
            // Nobody reads milliseconds of hours.
            let left = until.saturating_sub(now_unix_ms).div_ceil(1000);
            text += &format!(" for another {}", duration::show(Duration::from_secs(left)));
        }
        if let Some(reason) = &self.reason {
            text += &format!(": {reason}");
        }
        text
    }
}

impl fmt::Display for Pause {
    /// As [`Pause::describe`], now.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe(super::unix_ms()))
    }
}

/// What holds for one job.
#[derive(Debug)]
pub(super) struct InForce<'a> {
    /// As the configuration loaded last says; `None` if no living node declares the job.
    pub(super) declared: Option<&'a JobRecord>,
    /// Workers in force.
    pub(super) workers: u32,
    /// What operators set.
    set: Option<&'a OverrideRecord>,
    pub(super) pause: Option<Pause>,
}

impl InForce<'_> {
    /// Workers that the configuration asks for.
    pub(super) fn configured(&self) -> Option<u32> {
        self.declared.map(|job| job.workers)
    }

    pub(super) fn is_overridden(&self) -> bool {
        self.set.is_some_and(|set| set.workers.is_some())
    }

    /// Who set the workers, if somebody did.
    pub(super) fn set_by(&self) -> Option<String> {
        let set = self.set.filter(|set| set.workers.is_some())?;
        Some(set.by.clone())
    }
}

/// Every job there is: in force, as the leader sees it, or only named by an override.
pub(super) fn jobs(cluster: &ClusterSnapshot, now: u64) -> BTreeMap<Arc<str>, InForce<'_>> {
    let members = cluster.members.values().map(|member| &member.record);
    let config = |hash: &str| cluster.configs.get(hash);
    let planned = in_force(members, config, &cluster.overrides, now);
    let declared = planned.jobs.into_iter().map(|(name, job)| {
        let set = cluster.overrides.get(name);
        let in_force = InForce {
            declared: Some(job.settings),
            workers: job.workers,
            set,
            pause: job.paused.map(Pause::of),
        };
        (Arc::from(name), in_force)
    });
    let mut jobs: BTreeMap<Arc<str>, InForce<'_>> = declared.collect();
    for (job, set) in &cluster.overrides {
        jobs.entry(Arc::clone(job)).or_insert_with(|| InForce {
            declared: None,
            workers: workers(Some(set), None),
            set: Some(set),
            pause: pause(set, now),
        });
    }
    jobs
}

/// Workers in force: those that were set, else those that are configured.
pub(super) fn workers(set: Option<&OverrideRecord>, configured: Option<u32>) -> u32 {
    set.and_then(|set| set.workers).or(configured).unwrap_or(0)
}

/// The pause, unless its time has passed.
pub(super) fn pause(set: &OverrideRecord, now: u64) -> Option<Pause> {
    let paused = set.paused.as_ref()?;
    let over = paused.until_unix_ms.is_some_and(|until| until <= now);
    (!over).then(|| Pause::of(paused))
}
