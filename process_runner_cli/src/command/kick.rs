//! `kick`: the workers of a job that wait go on at once.

use super::restart::report;
use crate::args::JobArgs;
use crate::cluster::ask;
use crate::exit::{Exit, Failure};

pub(super) fn run(arguments: &JobArgs) -> Result<Exit, Failure> {
    let job = &arguments.job;
    let told = ask(&arguments.cluster, async |cluster| cluster.kick(job).await)?;
    report(&arguments.cluster, &told, "goes on")
}
