//! `status`: the cluster as it is, desired against actual.

use process_runner::cluster::{JobStatus, Status};

use super::{nodes, workers};
use crate::args::ClusterArgs;
use crate::cluster::{answer, ask};
use crate::exit::{Exit, Failure};
use crate::table::Table;

/// More lines are what `workers` is for.
const SHOWN: usize = 50;

pub(super) fn run(arguments: &ClusterArgs) -> Result<Exit, Failure> {
    let status = ask(arguments, async |cluster| cluster.status().await)?;
    answer(arguments, &status, &text(&status))
}

/// A line for the cluster, one for each node and job, and one for each worker that does not run.
fn text(status: &Status) -> String {
    let leader = match (&status.leader, status.term) {
        (Some(leader), Some(term)) => format!("led by {leader} (term {term})"),
        _ => "no leader".to_owned(),
    };
    let mut text = format!(
        "{} of {} workers run; {leader}; revision {}\n",
        status.running, status.desired, status.revision
    );
    text += &format!("\n{}", nodes::table(&status.nodes));
    text += &format!("\n{}", jobs(&status.jobs));
    let not_running = || status.slots.iter().filter(|slot| slot.state != "running");
    let count = not_running().count();
    if count > 0 {
        text += &format!("\n{}", workers::table(not_running().take(SHOWN)));
    }
    if count > SHOWN {
        text += &format!("and {} more: see `pr-cli workers`\n", count - SHOWN);
    }
    for drift in &status.drift {
        let nodes = drift.nodes.join(", ");
        text += &format!("\ndrift: {} on {nodes}: {}", drift.job, drift.differs);
    }
    for left_out in status.unreadable.iter().take(SHOWN) {
        text += &format!("\nleft out: {}", left_out.error);
    }
    if status.unreadable.len() > SHOWN {
        text += &format!("\nand {} more", status.unreadable.len() - SHOWN);
    }
    text
}

fn jobs(jobs: &[JobStatus]) -> String {
    if jobs.is_empty() {
        return "no job is declared\n".to_owned();
    }
    let mut table = Table::new(&["JOB", "CLASS", "RUNNING", ""]);
    for job in jobs {
        table.row([
            job.job.clone(),
            job.class.clone().unwrap_or_default(),
            format!("{} of {}", job.running, job.workers),
            remarks(job),
        ]);
    }
    table.render()
}

/// What an operator set, and what is missing.
pub(super) fn remarks(job: &JobStatus) -> String {
    let mut remarks = Vec::new();
    if let Some(pause) = &job.paused {
        remarks.push(pause.to_string());
    }
    if job.overridden {
        let by = job.overridden_by.as_deref().filter(|by| !by.is_empty());
        let by = by.map_or_else(String::new, |by| format!(" by {by}"));
        let configured = job
            .configured
            .map_or("none".to_owned(), |it| it.to_string());
        remarks.push(format!("scaled{by}; configured: {configured}"));
    }
    if job.class.is_none() {
        remarks.push("no living node declares it".to_owned());
    }
    remarks.join("; ")
}
