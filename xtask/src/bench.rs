//! `cargo xtask bench`: the registry of benchmarks.
//!
//! A benchmark is one file below `bench/` with one function, which builds and runs a release
//! program and returns what was measured as JSON. It is added to [`ALL`]. Results go to standard
//! output as one document, or to the file that `--json` names.

mod cluster;
mod failover;
mod overhead;
mod planner;
mod queue;

use std::path::Path;

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::{tools, workspace};

/// One benchmark.
struct Benchmark {
    name: &'static str,
    about: &'static str,
    run: fn() -> Result<Value>,
}

/// All of them, in the order in which they run.
const ALL: &[Benchmark] = &[
    overhead::BENCHMARK,
    planner::BENCHMARK,
    queue::BENCHMARK,
    cluster::HANDOFF,
    cluster::COLD_START,
    cluster::JOIN,
    cluster::IDLE,
    cluster::HEARTBEAT,
    failover::BENCHMARK,
];

/// Runs the benchmark called `name`, or all, and writes what they measured.
pub(crate) fn run(name: Option<&str>, file: Option<&Path>) -> Result<()> {
    let mut results = Vec::new();
    for benchmark in choose(name)? {
        eprintln!("bench {}: {}", benchmark.name, benchmark.about);
        results.push(measure(benchmark)?);
    }
    // One benchmark is its own document; several are a list of theirs.
    let document = match (name, results.pop()) {
        (Some(_), Some(only)) => only,
        (_, last) => {
            results.extend(last);
            json!({ "v": 1, "benchmarks": results })
        }
    };
    match file {
        Some(file) => std::fs::write(file, format!("{document:#}\n")).map_err(Error::at(file)),
        None => {
            println!("{document:#}");
            Ok(())
        }
    }
}

/// The benchmark's figures, with what identifies them.
fn measure(benchmark: &Benchmark) -> Result<Value> {
    let mut figures = (benchmark.run)()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    figures["v"] = json!(1);
    figures["bench"] = json!(benchmark.name);
    figures["cores"] = json!(cores);
    Ok(figures)
}

/// Runs a benchmark of cargo, which prints its figures on its last line.
fn cargo_bench(
    package: &str,
    bench: &str,
    arguments: &[&str],
    variables: tools::Variables,
) -> Result<Value> {
    let mut cargo = workspace::cargo();
    cargo.args(["bench", "--package", package, "--bench", bench, "--"]);
    cargo.args(arguments);
    // Its nodes remember the etcd at each endpoint, and the next benchmark has another one there.
    let state = workspace::target().join(format!("bench-state-{}", std::process::id()));
    let output = workspace::output(cargo.envs(variables).env("XDG_STATE_HOME", &state));
    if state.exists() {
        std::fs::remove_dir_all(&state).map_err(Error::at(&state))?;
    }
    let output = output?;
    let text = String::from_utf8_lossy(&output);
    let document = text.lines().last().unwrap_or_default();
    serde_json::from_str(document)
        .map_err(|error| Error::Found(format!("the benchmark printed `{document}`: {error}")))
}

fn choose(name: Option<&str>) -> Result<Vec<&'static Benchmark>> {
    let chosen: Vec<_> = ALL
        .iter()
        .filter(|b| name.is_none_or(|name| name == b.name))
        .collect();
    if chosen.is_empty() {
        let known: Vec<_> = ALL.iter().map(|b| b.name).collect();
        let name = name.unwrap_or_default();
        return Err(Error::Found(format!(
            "no benchmark is called `{name}`; there are: {}",
            known.join(", ")
        )));
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_benchmark_is_answered_with_the_known_ones() {
        let error = choose(Some("quue")).err().unwrap().to_string();
        assert!(
            error.contains("`quue`") && error.contains("queue"),
            "{error}"
        );
        assert_eq!(choose(None).unwrap().len(), ALL.len());
    }
}
