//! Where the configurations of living nodes differ, as they do while a new one is rolled out.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cluster::picture::Picture;
use crate::coordination::JobRecord;

/// Nodes whose configuration says something else of a job than what is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DriftStatus {
    /// The job.
    pub job: String,
    /// The nodes.
    pub nodes: Vec<String>,
    /// What differs: "workers 3 instead of 5".
    pub differs: String,
}

/// All differences. A cluster of one configuration is spared the comparison.
pub(super) fn drift(picture: &Picture<'_>) -> Vec<DriftStatus> {
    let mut by_config: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (node, member) in &picture.cluster.members {
        let nodes = by_config.entry(&member.record.config).or_default();
        nodes.push(node.to_string());
    }
    if by_config.len() < 2 {
        return Vec::new();
    }
    let mut drift = Vec::new();
    for (job, in_force) in &picture.jobs {
        let Some(declared) = in_force.declared else {
            continue;
        };
        for (hash, nodes) in &by_config {
            let config = picture.cluster.configs.get(*hash);
            let theirs = config.and_then(|config| config.jobs.get(&**job));
            if let Some(differs) = differs(declared, theirs) {
                drift.push(DriftStatus {
                    job: job.to_string(),
                    nodes: nodes.clone(),
                    differs,
                });
            }
        }
    }
    drift
}

/// What `theirs` says instead of `declared`.
fn differs(declared: &JobRecord, theirs: Option<&JobRecord>) -> Option<String> {
    let Some(theirs) = theirs else {
        return Some("not declared".to_owned());
    };
    let show = |cap: Option<u32>| cap.map_or("none".to_owned(), |cap| cap.to_string());
    let labels = |job: &JobRecord| {
        let labels = job.labels.iter();
        let labels: Vec<_> = labels
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        labels.join(",")
    };
    let both = |job: &JobRecord| {
        [
            ("class", job.class.clone()),
            ("workers", job.workers.to_string()),
            ("max_per_node", show(job.max_per_node)),
            ("labels", labels(job)),
        ]
    };
    let pairs = both(theirs).into_iter().zip(both(declared));
    let differing = pairs.filter(|((_, theirs), (_, ours))| theirs != ours);
    let texts: Vec<_> = differing
        .map(|((what, theirs), (_, ours))| format!("{what} {theirs} instead of {ours}"))
        .collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}
