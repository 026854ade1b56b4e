//! Labels that a job asks for, on a node that has no companions.

use crate::config::problem::Problem;
use crate::config::raw::RawJob;
use crate::config::{Coordination, NodeConfig, keys};

/// The embedded etcd serves one machine. A label that its node lacks is on no other, so the job
/// would stand still for ever, unless a second `run` brings it.
pub(in crate::config) fn warn_of_labels(
    job: &str,
    raw: &RawJob,
    coordination: &Coordination,
    node: &NodeConfig,
    problems: &mut Vec<Problem>,
) {
    let (Coordination::Embedded(_), Some(labels)) = (coordination, &raw.labels) else {
        return;
    };
    for (name, text) in &labels.value.0 {
        // Only names are shown: a value may come from a variable.
        let (job, label) = (keys::shown(job), keys::shown(name));
        let text_of_node = node.labels.get(name);
        let lacks = match text_of_node {
            Some(other) if *other == text.value.0 => continue,
            Some(_) => format!("has another `{label}`"),
            None => format!("has no label `{label}`"),
        };
        let message = format!("job `{job}` will not run here: this node {lacks}");
        let problem = text.place.problem("PR0304", message).warning();
        problems.push(
            problem
                .note("without endpoints under `etcd:` there are only the nodes of this machine")
                .help(format!("add `{label}` to the `labels` of `node`")),
        );
    }
}
