//! The jobs in force: what living nodes declare, of several declarations the latest, and what an
//! operator set in place of it.
//!
//! # Guarantees
//!
//! - A job is in force while a living node declares it.
//! - Its settings come from the configuration that was *loaded* last (`loaded_at`, then the hash). Who
//!   registered last does not matter: nodes that come back in random order after an outage, or one
//!   that crashes again and again on an old configuration, change nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::records::{ConfigRecord, JobRecord, MemberRecord, OverrideRecord, PausedRecord};

/// A job in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JobInForce<'a> {
    /// Its settings, as the configuration loaded last has them.
    pub(crate) settings: &'a JobRecord,
    /// How many workers it has in the cluster, paused or not.
    pub(crate) workers: u32,
    /// Why it runs nowhere, if it is paused now.
    pub(crate) paused: Option<&'a PausedRecord>,
}

impl JobInForce<'_> {
    /// How many workers are to run now.
    pub(crate) fn seats(&self) -> u32 {
        if self.paused.is_some() {
            0
        } else {
            self.workers
        }
    }
}

/// All jobs in force, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct JobsInForce<'a> {
    pub(crate) jobs: BTreeMap<&'a str, JobInForce<'a>>,
    /// When the first of the pauses ends by itself, in milliseconds since 1970.
    pub(crate) resumes_at: Option<u64>,
}

/// The jobs in force at `unix_ms`.
pub(crate) fn in_force<'a>(
    members: impl Iterator<Item = &'a MemberRecord>,
    config: impl Fn(&str) -> Option<&'a ConfigRecord>,
    overrides: &'a BTreeMap<Arc<str>, OverrideRecord>,
    unix_ms: u64,
) -> JobsInForce<'a> {
    let mut in_force = JobsInForce::default();
    for config in by_age(members).into_iter().filter_map(config) {
        for (job, settings) in &config.jobs {
            let job_in_force = JobInForce {
                settings,
                workers: settings.workers,
                paused: None,
            };
            in_force.jobs.insert(job, job_in_force);
        }
    }
    for (job, set) in overrides {
        let Some(job) = in_force.jobs.get_mut(&**job) else {
            continue;
        };
        job.workers = set.workers.unwrap_or(job.workers);
        let until = |paused: &PausedRecord| paused.until_unix_ms.unwrap_or(u64::MAX);
        job.paused = set.paused.as_ref().filter(|paused| unix_ms < until(paused));
        if let Some(until) = job.paused.and_then(|paused| paused.until_unix_ms) {
            let first = in_force.resumes_at.map_or(until, |first| first.min(until));
            in_force.resumes_at = Some(first);
        }
    }
    in_force
}

/// The hashes that members name, the configuration loaded last at the end.
fn by_age<'a>(members: impl Iterator<Item = &'a MemberRecord>) -> Vec<&'a str> {
    let mut loaded: BTreeMap<&str, i64> = BTreeMap::new();
    for member in members {
        let at = loaded.entry(&member.config).or_insert(member.loaded_at);
        *at = member.loaded_at.max(*at);
    }
    let mut hashes: Vec<_> = loaded.into_iter().map(|(hash, at)| (at, hash)).collect();
    hashes.sort_unstable();
    hashes.into_iter().map(|(_, hash)| hash).collect()
}

#[cfg(test)]
mod tests;
