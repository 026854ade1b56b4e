//! `resume-node`: a quiet node takes workers again.

use super::quiet::text;
use crate::args::NodeArgs;
use crate::cluster::{answer, ask, count};
use crate::exit::{Exit, Failure};

pub(super) fn run(arguments: &NodeArgs) -> Result<Exit, Failure> {
    let node = &arguments.node;
    let change = ask(&arguments.cluster, async |cluster| {
        cluster.resume_node(node).await
    })?;
    let more = format!("it has {}", count(change.slots, "slot"));
    answer(&arguments.cluster, &change, &text(&change, &more))
}
