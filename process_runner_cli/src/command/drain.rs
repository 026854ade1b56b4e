//! `drain`: a node hands its workers over and exits, and with `--wait` the command sees it out.

use std::time::Duration;

use process_runner::cluster::{Cluster, ClusterError, NodeChange};
use process_runner::model::duration;

use super::quiet::text;
use crate::args::DrainArgs;
use crate::cluster::{answer, ask, count};
use crate::exit::{Exit, Failure};
use crate::output;

pub(super) fn run(arguments: &DrainArgs) -> Result<Exit, Failure> {
    let node = &arguments.node;
    let (mut change, left) = ask(&arguments.cluster, async |cluster| {
        let change = cluster.drain(node).await?;
        let left = match arguments.wait {
            true => Some(see_out(cluster, &change, arguments.timeout).await),
            false => None,
        };
        Ok::<_, ClusterError>((change, left))
    })?;
    let slots = count(change.slots, "slot");
    match left {
        None => {
            let more = format!("{slots} to hand over");
            answer(&arguments.cluster, &change, &text(&change, &more))
        }
        Some(true) => {
            change.after = "left".to_owned();
            let more = format!("{slots} handed over");
            answer(&arguments.cluster, &change, &text(&change, &more))
        }
        Some(false) => {
            let waited = duration::show(arguments.timeout);
            let message = format!("node `{node}` has not left after {waited}; it drains on");
            let help = format!("`pr-cli stop {node}` makes it cancel what it has in hand");
            Err(Failure::new(Exit::DrainDeadline, message).help(help))
        }
    }
}

/// Waits until the node has left, telling its progress; false if that takes too long.
async fn see_out(cluster: &Cluster, change: &NodeChange, timeout: Duration) -> bool {
    let progress = |left| {
        output::note(&format!(
            "node {}: {} to hand over",
            change.node,
            count(left, "slot")
        ));
    };
    let leaving = cluster.until_left(change, progress);
    tokio::time::timeout(timeout, leaving).await.is_ok()
}
