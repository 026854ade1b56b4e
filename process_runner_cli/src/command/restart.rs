//! `restart`: the workers of a job, or one of them, start afresh where they are.

use process_runner::cluster::Told;

use crate::args::{ClusterArgs, SlotArgs};
use crate::cluster::{answer, ask, count};
use crate::exit::{Exit, Failure};
use crate::output;
use crate::table::Table;

pub(super) fn run(arguments: &SlotArgs) -> Result<Exit, Failure> {
    let target = &arguments.target;
    let told = ask(&arguments.cluster, async |cluster| {
        cluster.restart(&target.job, target.index).await
    })?;
    report(&arguments.cluster, &told, "restarting")
}

/// What the nodes did with what they were told; a failure if one of them did nothing.
pub(super) fn report(arguments: &ClusterArgs, told: &Told, after: &str) -> Result<Exit, Failure> {
    answer(arguments, told, &text(told, after))?;
    for missed in &told.missed {
        output::note(&format!("error: {}", missed.reason));
    }
    Ok(if told.missed.is_empty() {
        Exit::Clean
    } else {
        Exit::Failure
    })
}

fn text(told: &Told, after: &str) -> String {
    let workers = told
        .obeyed
        .iter()
        .map(|node| node.workers.len() as u64)
        .sum();
    let nodes = count(told.obeyed.len() as u64, "node");
    let mut table = Table::new(&["WORKER", "NODE", "STATE"]);
    for node in &told.obeyed {
        for worker in &node.workers {
            table.row([
                format!("{}@{}", told.job, worker.index),
                node.node.clone(),
                format!("{} -> {after}", worker.before),
            ]);
        }
    }
    let summary = format!("{}: {} on {nodes} told", told.job, count(workers, "worker"));
    format!("{summary}\n{}", table.render())
}
