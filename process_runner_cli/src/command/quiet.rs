//! `quiet`: a node hands its workers over and takes no more.

use process_runner::cluster::NodeChange;

use crate::args::NodeArgs;
use crate::cluster::{answer, ask, count};
use crate::exit::{Exit, Failure};

pub(super) fn run(arguments: &NodeArgs) -> Result<Exit, Failure> {
    let node = &arguments.node;
    let change = ask(&arguments.cluster, async |cluster| {
        cluster.quiet(node).await
    })?;
    let slots = count(change.slots, "slot");
    let more = format!("{slots} to hand over; `pr-cli resume-node {node}` ends it");
    answer(&arguments.cluster, &change, &text(&change, &more))
}

/// "node a: up -> quiet (3 slots to hand over)".
pub(super) fn text(change: &NodeChange, more: &str) -> String {
    let (before, after) = (&change.before, &change.after);
    format!("node {}: {before} -> {after} ({more})", change.node)
}
