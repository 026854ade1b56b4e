//! `stop`: a node hands its workers over and exits; asked again, it hurries.

use super::quiet::text;
use crate::args::NodeArgs;
use crate::cluster::{answer, ask, count};
use crate::exit::{Exit, Failure};

pub(super) fn run(arguments: &NodeArgs) -> Result<Exit, Failure> {
    let node = &arguments.node;
    let change = ask(&arguments.cluster, async |cluster| cluster.stop(node).await)?;
    let slots = count(change.slots, "slot");
    let more = format!("{slots} to hand over; a second `stop` cancels records in hand");
    answer(&arguments.cluster, &change, &text(&change, &more))
}
