//! This node: `global` with the chosen environment laid over it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::problem::Problem;
use super::raw::RawGlobal;
use super::read::{At, Text};
use super::validate;

/// This node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeConfig {
    /// How many workers it runs at most.
    pub max_workers: Option<u32>,
    /// How long it may take to drain when it is asked to stop.
    pub shutdown_timeout: Duration,
    /// Its name, if not the host's.
    pub name: Option<String>,
    /// The zone it is in.
    pub zone: Option<String>,
    /// Its share of the work, compared with the other nodes' weights.
    pub weight: u32,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self {
            max_workers: None,
            shutdown_timeout: Duration::from_secs(30),
            name: None,
            zone: None,
            weight: 1,
            labels: BTreeMap::new(),
        }
    }
}

/// Makes the node of what the file says.
pub(super) fn build(raw: Option<At<RawGlobal>>, problems: &mut Vec<Problem>) -> NodeConfig {
    let mut config = NodeConfig::default();
    let Some(At { value: raw, .. }) = raw else {
        return config;
    };
    config.max_workers = raw.max_workers.map(|count| count.value.0);
    if let Some(time) = raw.shutdown_timeout {
        config.shutdown_timeout = time.value.0;
    }
    let Some(At { value: node, .. }) = raw.node else {
        return config;
    };
    config.name = name("name", node.name, problems);
    config.zone = name("zone", node.zone, problems);
    if let Some(weight) = node.weight {
        config.weight = weight.value.0;
    }
    if let Some(labels) = node.labels {
        config.labels = labels.value.texts();
    }
    config
}

/// A name that stands in keys of etcd; an empty one is none.
fn name(key: &str, raw: Option<At<Text>>, problems: &mut Vec<Problem>) -> Option<String> {
    let At {
        value: Text(name),
        place,
    } = raw.filter(|text| !text.value.0.is_empty())?;
    if !validate::is_name(&name) {
        let message = format!("`{key}` of a node must be a name");
        let problem = place.problem("PR0115", message);
        problems.push(problem.note(format!("a name is {}", validate::NAME_RULE)));
    }
    Some(name)
}
