//! `workers`: every worker of the cluster, a line each.

use process_runner::cluster::SlotStatus;
use serde::Serialize;

use crate::args::ClusterArgs;
use crate::cluster::{answer, ask};
use crate::exit::{Exit, Failure};
use crate::table::Table;

#[derive(Serialize)]
struct Document<'a> {
    v: u32,
    workers: &'a [SlotStatus],
}

pub(super) fn run(arguments: &ClusterArgs) -> Result<Exit, Failure> {
    let workers = ask(arguments, async |cluster| cluster.workers().await)?;
    let document = Document {
        v: 1,
        workers: &workers,
    };
    answer(arguments, &document, &table(workers.iter()))
}

/// The workers, with those columns that say something.
pub(super) fn table<'a>(workers: impl Iterator<Item = &'a SlotStatus>) -> String {
    let mut table = Table::new(&["WORKER", "STATE", "NODE", "RECORDS", "ERRORS", "REASON"]);
    let number = |count: Option<u64>| count.map_or_else(String::new, |count| count.to_string());
    for worker in workers {
        table.row([
            format!("{}@{}", worker.job, worker.index),
            worker.state.clone(),
            worker.node.clone().unwrap_or_default(),
            number(worker.records),
            number(worker.errors),
            worker.reason.clone().unwrap_or_default(),
        ]);
    }
    if table.is_empty() {
        return "no job has workers\n".to_owned();
    }
    table.render()
}
