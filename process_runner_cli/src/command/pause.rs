//! `pause`: the workers of a job stop on all nodes, until `resume` or for a while.

use crate::args::PauseArgs;
use crate::cluster::{answer, ask};
use crate::exit::{Exit, Failure};

pub(super) fn run(arguments: &PauseArgs) -> Result<Exit, Failure> {
    let job = &arguments.job;
    let change = ask(&arguments.cluster, async |cluster| {
        let reason = arguments.reason.as_deref();
        cluster.pause(job, arguments.time, reason).await
    })?;
    let show = |pause: &Option<_>| {
        pause
            .as_ref()
            .map_or("runs".to_owned(), ToString::to_string)
    };
    let (before, after) = (show(&change.before), show(&change.after));
    let text = format!("{job}: {before} -> {after} (`pr-cli resume {job}` ends it)");
    answer(&arguments.cluster, &change, &text)
}
