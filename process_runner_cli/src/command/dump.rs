//! `dump`: a node writes its worker table to its log.

use super::quiet::text;
use crate::args::NodeArgs;
use crate::cluster::{answer, ask};
use crate::exit::{Exit, Failure};

pub(super) fn run(arguments: &NodeArgs) -> Result<Exit, Failure> {
    let node = &arguments.node;
    let change = ask(&arguments.cluster, async |cluster| cluster.dump(node).await)?;
    let text = text(&change, "its worker table is in its log");
    answer(&arguments.cluster, &change, &text)
}
