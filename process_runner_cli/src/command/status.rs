//! `status`: the cluster as it is, desired against actual.

use std::fmt::Write;

use process_runner::CoordinationError;
use process_runner::cluster::{Cluster, SlotStatus, Status};
use process_runner::config::Coordination;
use tokio::runtime::Builder;

use crate::args::StatusArgs;
use crate::configuration::load_for;
use crate::exit::{Exit, Failure};
use crate::output;

pub(super) fn run(arguments: &StatusArgs) -> Result<Exit, Failure> {
    let coordination = coordination(arguments)?;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
    let status = runtime
        .block_on(async { Cluster::connect(&coordination).await?.status().await })
        .map_err(failure)?;
    if arguments.json {
        output::json(&status)?;
    } else {
        output::data(&table(&status))?;
    }
    Ok(Exit::Clean)
}

/// The `etcd:` section of a configuration, or the endpoints of the command line.
fn coordination(arguments: &StatusArgs) -> Result<Coordination, Failure> {
    if arguments.cluster.endpoints.is_empty() {
        let loaded = load_for(&arguments.cluster.config(), None)?;
        return Ok(loaded.config.coordination);
    }
    Ok(Coordination::etcd(
        arguments.cluster.endpoints.clone(),
        arguments.cluster.prefix.clone(),
    ))
}

fn failure(error: CoordinationError) -> Failure {
    let exit = match error {
        CoordinationError::Unreachable { .. } => Exit::Unavailable,
        _ => Exit::Failure,
    };
    Failure::new(exit, error.to_string())
}

/// A line for the cluster, one for each node and job, and one for each slot that does not run.
fn table(status: &Status) -> String {
    let mut text = String::new();
    // Writing to a `String` cannot fail.
    let _ = writeln!(text, "{} of {} workers run", status.running, status.desired);
    for node in &status.nodes {
        let capacity = node
            .capacity
            .map_or_else(String::new, |max| format!(" of {max}"));
        let _ = writeln!(
            text,
            "node {}  {}  {}{capacity} slots  (pid {} on {}, version {})",
            node.node, node.state, node.slots, node.pid, node.host, node.version
        );
    }
    for job in &status.jobs {
        let _ = writeln!(
            text,
            "job {}  {}  {} of {}",
            job.job,
            job.class.as_deref().unwrap_or("?"),
            job.running,
            job.workers
        );
    }
    for slot in &status.slots {
        let _ = writeln!(text, "{}", line(slot));
    }
    text
}

fn line(slot: &SlotStatus) -> String {
    let mut line = format!("  {}@{}  {}", slot.job, slot.index, slot.state);
    if let Some(node) = &slot.node {
        line.push_str(&format!(" on {node}"));
    }
    if let (Some(records), Some(errors)) = (slot.records, slot.errors) {
        line.push_str(&format!("  {records} records, {errors} errors"));
    }
    if let Some(reason) = &slot.reason {
        line.push_str(&format!("  ({reason})"));
    }
    line
}
