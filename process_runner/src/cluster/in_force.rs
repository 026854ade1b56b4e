//! What holds for each job: what the configurations of the living nodes say, and what operators
//! set instead.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::coordination::{ClusterSnapshot, JobRecord, OverrideRecord};
use crate::model::duration;

/// A job that somebody stopped on all nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Pause {
    /// Who: user and host.
    pub by: String,
    /// Why, if they said so.
    pub reason: Option<String>,
    /// Milliseconds since 1970 after which it runs again by itself.
    pub until_unix_ms: Option<u64>,
}

impl Pause {
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

/// What holds for one job.
#[derive(Debug)]
pub(super) struct InForce<'a> {
    /// As the configuration loaded last says; `None` if no living node declares the job.
    pub(super) declared: Option<&'a JobRecord>,
    /// Workers in force.
    pub(super) workers: u32,
    /// What operators set.
    pub(super) set: Option<&'a OverrideRecord>,
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

/// Every job there is: declared by a living node, or named by an override.
pub(super) fn jobs(cluster: &ClusterSnapshot, now: u64) -> BTreeMap<Arc<str>, InForce<'_>> {
    let mut jobs = BTreeMap::new();
    for (job, declared) in declared(cluster) {
        let job: Arc<str> = job.into();
        let set = cluster.overrides.get(&job);
        jobs.insert(job, in_force(Some(declared), set, now));
    }
    for (job, set) in &cluster.overrides {
        let entry = jobs.entry(Arc::clone(job));
        entry.or_insert_with(|| in_force(None, Some(set), now));
    }
    jobs
}

fn in_force<'a>(
    declared: Option<&'a JobRecord>,
    set: Option<&'a OverrideRecord>,
    now: u64,
) -> InForce<'a> {
    InForce {
        workers: workers(set, declared.map(|job| job.workers)),
        pause: set.and_then(|set| pause(set, now)),
        declared,
        set,
    }
}

/// Workers in force: those that were set, else those that are configured.
pub(super) fn workers(set: Option<&OverrideRecord>, configured: Option<u32>) -> u32 {
    set.and_then(|set| set.workers).or(configured).unwrap_or(0)
}

/// The pause, unless its time has passed.
pub(super) fn pause(set: &OverrideRecord, now: u64) -> Option<Pause> {
    let paused = set.paused.as_ref()?;
    let over = paused.until_unix_ms.is_some_and(|until| until <= now);
    (!over).then(|| Pause {
        by: paused.by.clone(),
        reason: paused.reason.clone(),
        until_unix_ms: paused.until_unix_ms,
    })
}

/// The jobs of the living nodes; of one that several declare, the configuration loaded last counts.
fn declared(cluster: &ClusterSnapshot) -> BTreeMap<&str, &JobRecord> {
    let mut members: Vec<_> = cluster.members.values().map(|it| &it.record).collect();
    members.sort_by_key(|member| (member.loaded_at, &member.config));
    let configs = members
        .iter()
        .filter_map(|member| cluster.configs.get(&member.config));
    configs
        .flat_map(|config| &config.jobs)
        .map(|(job, record)| (job.as_str(), record))
        .collect()
}
