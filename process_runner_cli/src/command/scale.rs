//! `scale`: how many workers a job has, from now on.

use process_runner::cluster::{Scaled, Workers};

use crate::args::ScaleArgs;
use crate::cluster::{answer, ask};
use crate::exit::{Exit, Failure};

pub(super) fn run(arguments: &ScaleArgs) -> Result<Exit, Failure> {
    // Without a number there is `--reset`: clap sees to that.
    let workers = arguments.workers.unwrap_or(Workers::Reset);
    let job = &arguments.job;
    let scaled = ask(&arguments.cluster, async |cluster| {
        cluster.scale(job, workers).await
    })?;
    answer(&arguments.cluster, &scaled, &text(&scaled))
}

fn text(scaled: &Scaled) -> String {
    let job = &scaled.job;
    let how = match (scaled.overridden, scaled.configured) {
        (true, Some(configured)) => {
            format!("configured: {configured}; `pr-cli scale {job} --reset` returns to it")
        }
        (true, None) => "no living node declares it".to_owned(),
        (false, Some(_)) => "as configured".to_owned(),
        (false, None) => "nobody declares it any more".to_owned(),
    };
    format!(
        "{job}: {} -> {} workers ({how})",
        scaled.before, scaled.after
    )
}
