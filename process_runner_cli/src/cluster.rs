//! Talking to a cluster: what all commands that look or steer have in common.

use process_runner::CoordinationError;
use process_runner::cluster::{Cluster, ClusterError};
use process_runner::config::Coordination;
use process_runner::supervision::Hosting;
use serde::Serialize;
use tokio::runtime::{Builder, Runtime};

use crate::args::ClusterArgs;
use crate::configuration;
use crate::exit::{Exit, Failure};
use crate::output;

/// Connects to the cluster that the arguments name and does `work` with it.
pub(crate) fn ask<T, E: Into<ClusterError>>(
    arguments: &ClusterArgs,
    work: impl AsyncFnOnce(&Cluster) -> Result<T, E>,
) -> Result<T, Failure> {
    let coordination = coordination(arguments)?;
    runtime()?.block_on(ask_at(&coordination, work))
}

/// The same where no node may run: an embedded etcd is served here meanwhile.
pub(crate) fn ask_alone<T, E: Into<ClusterError>>(
    arguments: &ClusterArgs,
    work: impl AsyncFnOnce(&Cluster) -> Result<T, E>,
) -> Result<T, Failure> {
    let coordination = coordination(arguments)?;
    runtime()?.block_on(async {
        let hosting = Hosting::begin(&coordination).await;
        let hosting = hosting.map_err(|error| Failure::new(Exit::Failure, error.to_string()))?;
        let answer = ask_at(&coordination, work).await;
        if let Some(hosting) = hosting {
            hosting.end().await;
        }
        answer
    })
}

async fn ask_at<T, E: Into<ClusterError>>(
    coordination: &Coordination,
    work: impl AsyncFnOnce(&Cluster) -> Result<T, E>,
) -> Result<T, Failure> {
    let connected = Cluster::connect(coordination).await;
    let cluster = connected.map_err(|error| failure(error.into()))?;
    work(&cluster).await.map_err(|error| failure(error.into()))
}

fn runtime() -> Result<Runtime, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(Exit::Internal, error.to_string()))
}

/// Prints what came of it: a document for programs, a text for people.
pub(crate) fn answer(
    arguments: &ClusterArgs,
    document: &impl Serialize,
    text: &str,
) -> Result<Exit, Failure> {
    if arguments.json {
        output::json(document)?;
    } else {
        output::data(&format!("{}\n", text.trim_end()))?;
    }
    Ok(Exit::Clean)
}

/// The `etcd:` section of a configuration, or the endpoints of the command line.
fn coordination(arguments: &ClusterArgs) -> Result<Coordination, Failure> {
    if arguments.endpoints.is_empty() {
        return configuration::coordination(&arguments.config());
    }
    Ok(Coordination::etcd(
        arguments.endpoints.clone(),
        arguments.prefix.clone(),
    ))
}

fn failure(error: ClusterError) -> Failure {
    let exit = match error {
        ClusterError::Coordination(
            CoordinationError::Unreachable { .. } | CoordinationError::NoSpace { .. },
        ) => Exit::Unavailable,
        _ => Exit::Failure,
    };
    Failure::new(exit, error.to_string())
}

/// "1 worker", "3 workers".
pub(crate) fn count(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
