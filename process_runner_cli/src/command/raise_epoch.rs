//! `raise-epoch`: after etcd lost its data, fences that are greater than all before.

use crate::args::RaiseEpochArgs;
use crate::cluster::{answer, ask_alone};
use crate::exit::{Exit, Failure};

pub(super) fn run(arguments: &RaiseEpochArgs) -> Result<Exit, Failure> {
    let change = ask_alone(&arguments.cluster, async |cluster| {
        cluster.raise_epoch(arguments.to).await
    })?;
    let text = format!("epoch: {} -> {}", change.before, change.after);
    answer(&arguments.cluster, &change, &text)
}
