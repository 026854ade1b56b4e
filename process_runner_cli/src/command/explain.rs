//! `explain`: why the workers of a job run where they run, or why one does not run.

use process_runner::cluster::{Explanation, JobExplanation, SlotExplanation};

use super::{status, workers};
use crate::args::SlotArgs;
use crate::cluster::{answer, ask};
use crate::exit::{Exit, Failure};
use crate::table::Table;

/// More lines are what `workers` is for.
const SHOWN: usize = 20;

pub(super) fn run(arguments: &SlotArgs) -> Result<Exit, Failure> {
    let target = &arguments.target;
    let explained = ask(&arguments.cluster, async |cluster| {
        cluster.explain(&target.job, target.index).await
    })?;
    answer(&arguments.cluster, &explained, &text(&explained))
}

fn text(explained: &Explanation) -> String {
    let slot = explained.slot.as_ref().map(slot).unwrap_or_default();
    let leader = match &explained.leader {
        Some(leader) => format!("planned by node {leader}"),
        None => "nobody plans: there is no leader".to_owned(),
    };
    let job = job(&explained.job, explained.slot.is_none());
    format!("{slot}{job}{leader}, revision {}\n", explained.revision)
}

fn slot(slot: &SlotExplanation) -> String {
    let status = &slot.status;
    let mut text = format!("{}@{} is {}", status.job, status.index, status.state);
    if let Some(reason) = &status.reason {
        text += &format!(": {reason}");
    }
    text.push('\n');
    let number = |value: Option<String>| value.unwrap_or_default();
    let plan = |(term, pass): (i64, u64)| format!("term {term}, pass {pass}");
    let mut facts = Table::new(&["", ""]);
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            facts.row([format!("  {name}"), value]);
        }
    };
    let since = number(
        slot.since_revision
            .map(|it| format!(", since revision {it}")),
    );
    let under = number(slot.ordered.map(|it| format!(", ordered in {}", plan(it))));
    let owner = status.node.as_deref().unwrap_or("nobody");
    fact("owner", Some(format!("{owner}{since}{under}")));
    fact("process", slot.incarnation.clone());
    fact("fence", status.fence.map(|fence| fence.to_string()));
    let by = number(slot.plan.map(|it| format!(" ({})", plan(it))));
    let planned = status.planned.as_deref().unwrap_or("nobody");
    fact("planned for", Some(format!("{planned}{by}")));
    let ended = |state: &str| match (state, owner) {
        ("clean", _) => "everything was unlocked by",
        (_, "nobody") => "records may still be locked by",
        _ => "held by",
    };
    let ledger = slot.ledger.as_ref();
    fact(
        "ledger",
        ledger.map(|it| format!("{} {}", ended(&it.state), it.owner)),
    );
    fact("in", status.phase.clone());
    fact("records", status.records.map(|it| it.to_string()));
    fact("errors", status.errors.map(|it| it.to_string()));
    text + &facts.render_body() + "\n"
}

/// The job, with its workers that do not run unless one slot was asked for.
fn job(job: &JobExplanation, with_workers: bool) -> String {
    let status = &job.status;
    let mut text = format!(
        "{}: {} of {} workers run",
        status.job, status.running, status.workers
    );
    for remark in [status::remarks(status), limits(job)] {
        if !remark.is_empty() {
            text += &format!("; {remark}");
        }
    }
    text += "\n\n";
    let mut nodes = Table::new(&["NODE", "STATE", "OF JOB", "SLOTS", "ANOTHER WORKER"]);
    for node in &job.nodes {
        let slots = match node.capacity {
            Some(capacity) => format!("{} of {capacity}", node.slots),
            None => node.slots.to_string(),
        };
        let verdict = match &node.reason {
            None => "yes".to_owned(),
            Some(reason) => format!("no: {reason}"),
        };
        nodes.row([
            node.node.clone(),
            node.state.clone(),
            node.workers.to_string(),
            slots,
            verdict,
        ]);
    }
    if !nodes.is_empty() {
        text += &format!("{}\n", nodes.render());
    }
    if with_workers && !job.not_running.is_empty() {
        text += &format!("{}\n", workers::table(job.not_running.iter().take(SHOWN)));
    }
    for drift in &job.drift {
        text += &format!("drift: {}: {}\n", drift.nodes.join(", "), drift.differs);
    }
    text
}

/// What narrows the nodes of a job.
fn limits(job: &JobExplanation) -> String {
    let mut limits = Vec::new();
    if let Some(max) = job.max_per_node {
        limits.push(format!("at most {max} on a node"));
    }
    if !job.labels.is_empty() {
        let labels = job.labels.iter();
        let labels: Vec<_> = labels
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        limits.push(format!("on nodes with {}", labels.join(", ")));
    }
    limits.join("; ")
}
