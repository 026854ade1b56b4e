//! `resume`: ends the pause of a job.

use crate::args::JobArgs;
use crate::cluster::{answer, ask, count};
use crate::exit::{Exit, Failure};

pub(super) fn run(arguments: &JobArgs) -> Result<Exit, Failure> {
    let job = &arguments.job;
    let change = ask(&arguments.cluster, async |cluster| {
        cluster.resume(job).await
    })?;
    let workers = count(change.workers.into(), "worker");
    let text = match &change.before {
        Some(before) => format!("{job}: {before} -> runs ({workers})"),
        None => format!("{job}: runs -> runs ({workers}); it was not paused"),
    };
    answer(&arguments.cluster, &change, &text)
}
