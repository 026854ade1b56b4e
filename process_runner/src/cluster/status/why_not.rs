//! Why a node does not take another worker of a job, and so why a job's slots fit nowhere.

use crate::cluster::in_force::InForce;
use crate::cluster::picture::Picture;
use crate::coordination::{ConfigRecord, MemberRecord};

/// Nodes named in one reason; a thousand of them would say no more.
const NAMED: usize = 3;

/// What a node says to another worker of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cluster) enum Verdict {
    /// It would take one.
    Takes,
    /// Its configuration does not name the job.
    NotDeclared,
    /// It may not run the job: why.
    NotEligible(String),
    /// It may run the job and takes no more now: why.
    Full(String),
}

/// What `node` says to another worker of `job`. Reasons follow the node's name.
pub(in crate::cluster) fn verdict(
    picture: &Picture<'_>,
    job: &str,
    in_force: &InForce<'_>,
    node: &str,
    member: &MemberRecord,
) -> Verdict {
    let config = picture.cluster.configs.get(&member.config);
    if !config.is_some_and(|config| declares(config, job)) {
        return Verdict::NotDeclared;
    }
    if let Some(reason) = not_eligible(in_force, member) {
        return Verdict::NotEligible(reason);
    }
    match full(picture, job, in_force, node, member) {
        Some(reason) => Verdict::Full(reason),
        None => Verdict::Takes,
    }
}

fn declares(config: &ConfigRecord, job: &str) -> bool {
    config.jobs.contains_key(job)
}

fn not_eligible(in_force: &InForce<'_>, member: &MemberRecord) -> Option<String> {
    let declared = in_force.declared?;
    let has = |name: &String, value: &String| member.labels.get(name) == Some(value);
    let mut labels = declared.labels.iter();
    if let Some((name, value)) = labels.find(|(name, value)| !has(name, value)) {
        return Some(format!("lacks the label {name}={value}"));
    }
    let lacks = !member.classes.is_empty() && !member.classes.contains(&declared.class);
    lacks.then(|| format!("lacks the class `{}`", declared.class))
}

fn full(
    picture: &Picture<'_>,
    job: &str,
    in_force: &InForce<'_>,
    node: &str,
    member: &MemberRecord,
) -> Option<String> {
    if member.state != "up" {
        return Some(format!("is {}", member.state));
    }
    if member.weight == 0 {
        return Some("has the weight 0".to_owned());
    }
    let load = picture.load(node);
    let slots = load.map_or(0, |load| load.slots);
    let of_job = load.map_or(0, |load| load.of_job(job));
    if let Some(max) = member.capacity.filter(|max| slots >= u64::from(*max)) {
        return Some(format!("runs its max_workers of {max}"));
    }
    let max = in_force.declared.and_then(|declared| declared.max_per_node);
    max.filter(|max| of_job >= u64::from(*max))
        .map(|max| format!("runs the job's max_per_node of {max}"))
}

/// Why no node takes another worker of a job; `None` if one does.
pub(super) fn obstacle(picture: &Picture<'_>, job: &str, in_force: &InForce<'_>) -> Option<String> {
    let mut reasons = Vec::new();
    for (node, member) in &picture.cluster.members {
        match verdict(picture, job, in_force, node, &member.record) {
            Verdict::Takes => return None,
            Verdict::NotDeclared => {}
            Verdict::NotEligible(reason) | Verdict::Full(reason) => {
                reasons.push(format!("node `{node}` {reason}"));
            }
        }
    }
    if reasons.is_empty() {
        return Some("no living node declares the job".to_owned());
    }
    let more = reasons.len().saturating_sub(NAMED);
    reasons.truncate(NAMED);
    let mut text = reasons.join("; ");
    if more > 0 {
        text += &format!("; and {more} more nodes take none either");
    }
    Some(text)
}
