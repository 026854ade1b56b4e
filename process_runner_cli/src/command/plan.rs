//! `plan`: who would run what, offline, and what moves when nodes are lost and others join.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use process_runner::Registry;
use process_runner::config::Classes;
use process_runner::planning::{self, Assignment, Rehearsal, Scenario};
use serde::Serialize;

use crate::args::PlanArgs;
use crate::configuration::{self, Partial};
use crate::exit::{Exit, Failure};
use crate::{Role, output};

pub(super) fn run(arguments: &PlanArgs, registry: &Registry, role: Role) -> Result<Exit, Failure> {
    let partial = Partial(registry);
    let classes: &dyn Classes = match role {
        Role::App => registry,
        Role::Stock => &partial,
    };
    let loaded = configuration::load_for(&arguments.config, Some(classes))?;
    let scenario = Scenario {
        nodes: arguments.nodes.clone(),
        lose: arguments
            .lose
            .iter()
            .map(|name| name.as_str().into())
            .collect(),
        join: arguments.join.clone(),
    };
    let rehearsal = planning::rehearse(&loaded.config, &scenario)
        .map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    if arguments.json {
        output::json(&Document::of(&rehearsal))?;
    } else {
        output::data(&tell(&scenario, &rehearsal))?;
    }
    Ok(Exit::Clean)
}

/// What `--json` prints.
#[derive(Serialize)]
struct Document<'a> {
    v: u32,
    before: Named<'a>,
    after: Named<'a>,
    moves: Vec<Moved<'a>>,
    unplaced: Vec<Unplaced<'a>>,
}

type Named<'a> = BTreeMap<&'a str, BTreeMap<&'a str, &'a [u32]>>;

#[derive(Serialize)]
struct Moved<'a> {
    job: &'a str,
    index: u32,
    from: Option<&'a str>,
    to: &'a str,
}

#[derive(Serialize)]
struct Unplaced<'a> {
    job: &'a str,
    index: u32,
    reason: &'a str,
}

impl<'a> Document<'a> {
    fn of(rehearsal: &'a Rehearsal) -> Self {
        let moves = rehearsal.moves.iter().map(|moved| Moved {
            job: &moved.job,
            index: moved.index,
            from: moved.from.as_deref(),
            to: &moved.to,
        });
        let unplaced = rehearsal.unplaced.iter().map(|slot| Unplaced {
            job: &slot.job,
            index: slot.index,
            reason: &slot.reason,
        });
        Self {
            v: 1,
            before: named(&rehearsal.before),
            after: named(&rehearsal.after),
            moves: moves.collect(),
            unplaced: unplaced.collect(),
        }
    }
}

fn named(assignment: &Assignment) -> Named<'_> {
    let nodes = assignment.iter();
    nodes
        .map(|(node, jobs)| (&**node, named_jobs(jobs)))
        .collect()
}

fn named_jobs(jobs: &BTreeMap<Arc<str>, Vec<u32>>) -> BTreeMap<&str, &[u32]> {
    jobs.iter()
        .map(|(job, indexes)| (&**job, &**indexes))
        .collect()
}

/// A line for each node and each job on it, then one for each set of workers that goes the same way.
fn tell(scenario: &Scenario, rehearsal: &Rehearsal) -> String {
    let mut text = String::new();
    let changed = !scenario.lose.is_empty() || !scenario.join.is_empty();
    // Writing to a `String` cannot fail.
    if changed {
        let _ = writeln!(text, "before:");
    }
    tell_nodes(&mut text, scenario, &rehearsal.before);
    if changed {
        let _ = writeln!(text, "after {}:", events(scenario));
        tell_nodes(&mut text, scenario, &rehearsal.after);
        tell_moves(&mut text, rehearsal);
    }
    tell_unplaced(&mut text, rehearsal);
    text
}

fn events(scenario: &Scenario) -> String {
    let mut events = Vec::new();
    if !scenario.lose.is_empty() {
        events.push(format!("losing {}", scenario.lose.join(", ")));
    }
    if !scenario.join.is_empty() {
        let names: Vec<_> = scenario.join.iter().map(|node| &*node.name).collect();
        events.push(format!("{} joining", names.join(", ")));
    }
    events.join(" and ")
}

fn tell_nodes(text: &mut String, scenario: &Scenario, assignment: &Assignment) {
    for (node, jobs) in assignment {
        let known = scenario
            .nodes
            .iter()
            .chain(&scenario.join)
            .find(|known| known.name == *node);
        let cap = known
            .and_then(|node| node.max_workers)
            .map_or_else(String::new, |max| format!(" of {max}"));
        let workers: usize = jobs.values().map(Vec::len).sum();
        let _ = writeln!(text, "  {node}  {workers}{cap} workers");
        for (job, indexes) in jobs {
            let _ = writeln!(text, "    {job}  {}", ranges(indexes));
        }
    }
}

fn tell_moves(text: &mut String, rehearsal: &Rehearsal) {
    let _ = writeln!(text, "moves: {}", rehearsal.moves.len());
    let mut ways: BTreeMap<_, Vec<u32>> = BTreeMap::new();
    for moved in &rehearsal.moves {
        let way = (&moved.job, &moved.from, &moved.to);
        ways.entry(way).or_default().push(moved.index);
    }
    for ((job, from, to), indexes) in ways {
        let from = from.as_deref().unwrap_or("nowhere");
        let _ = writeln!(text, "  {job}  {}  {from} -> {to}", ranges(&indexes));
    }
}

fn tell_unplaced(text: &mut String, rehearsal: &Rehearsal) {
    if rehearsal.unplaced.is_empty() {
        return;
    }
    let _ = writeln!(text, "unplaced: {}", rehearsal.unplaced.len());
    let mut reasons: BTreeMap<_, Vec<u32>> = BTreeMap::new();
    for slot in &rehearsal.unplaced {
        reasons
            .entry((&slot.job, &slot.reason))
            .or_default()
            .push(slot.index);
    }
    for ((job, reason), indexes) in reasons {
        let _ = writeln!(text, "  {job}  {}  {reason}", ranges(&indexes));
    }
}

/// `[0, 1, 2, 7]` as `0-2,7`.
fn ranges(indexes: &[u32]) -> String {
    let runs = indexes.chunk_by(|a, b| a + 1 == *b);
    let run = |run: &[u32]| match run {
        [only] => only.to_string(),
        [a, b] => format!("{a},{b}"),
        [first, .., last] => format!("{first}-{last}"),
        [] => String::new(),
    };
    runs.map(run).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn runs_of_three_and_more_are_ranges() {
        assert_eq!(ranges(&[]), "");
        assert_eq!(ranges(&[4]), "4");
        assert_eq!(ranges(&[0, 1, 2, 7, 9, 10]), "0-2,7,9,10");
    }
}
