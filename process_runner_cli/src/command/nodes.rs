//! `nodes`: the nodes of the cluster, a line each.

use process_runner::cluster::NodeStatus;
use serde::Serialize;

use crate::args::ClusterArgs;
use crate::cluster::{answer, ask};
use crate::exit::{Exit, Failure};
use crate::table::Table;

#[derive(Serialize)]
struct Document<'a> {
    v: u32,
    nodes: &'a [NodeStatus],
}

pub(super) fn run(arguments: &ClusterArgs) -> Result<Exit, Failure> {
    let nodes = ask(arguments, async |cluster| cluster.nodes().await)?;
    let document = Document {
        v: 1,
        nodes: &nodes,
    };
    answer(arguments, &document, &table(&nodes))
}

pub(super) fn table(nodes: &[NodeStatus]) -> String {
    if nodes.is_empty() {
        return "no node is up\n".to_owned();
    }
    let mut table = Table::new(&[
        "NODE", "STATE", "SLOTS", "ZONE", "HOST", "PID", "VERSION", "",
    ]);
    for node in nodes {
        let slots = match node.capacity {
            Some(capacity) => format!("{} of {capacity}", node.slots),
            None => node.slots.to_string(),
        };
        table.row([
            node.node.clone(),
            node.state.clone(),
            slots,
            node.zone.clone().unwrap_or_default(),
            node.host.clone(),
            node.pid.to_string(),
            node.version.clone(),
            remarks(node),
        ]);
    }
    table.render()
}

/// What is special about a node.
fn remarks(node: &NodeStatus) -> String {
    let mut remarks = Vec::new();
    if node.leader {
        remarks.push("leader".to_owned());
    }
    if node.weight != 1 {
        remarks.push(format!("weight {}", node.weight));
    }
    if node.crashes > 0 {
        let times = match node.crashes {
            1 => "once".to_owned(),
            crashes => format!("{crashes} times"),
        };
        remarks.push(format!("crashed {times} lately"));
    }
    remarks.join(", ")
}
