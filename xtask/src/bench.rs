//! `cargo xtask bench`: the registry of benchmarks.
//!
//! A benchmark is one file below `bench/` with one function, which builds and runs a release
//! program and returns what was measured as JSON. It is added to [`ALL`]. Results go to standard
//! output as one document, or to the file that `--json` names.

mod queue;

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::error::{Error, Result};

/// One benchmark.
struct Benchmark {
    name: &'static str,
    about: &'static str,
    run: fn() -> Result<Value>,
}

/// All of them, in the order in which they run.
const ALL: &[Benchmark] = &[queue::BENCHMARK];

/// Runs the benchmark called `name`, or all, and writes what they measured.
pub(crate) fn run(name: Option<&str>, file: Option<&Path>) -> Result<()> {
    let chosen = choose(name)?;
    let mut results = Map::new();
    for benchmark in chosen {
        eprintln!("bench {}: {}", benchmark.name, benchmark.about);
        results.insert(benchmark.name.to_owned(), (benchmark.run)()?);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let document = json!({ "v": 1, "cores": cores, "benchmarks": results });
    match file {
        Some(file) => std::fs::write(file, format!("{document:#}\n")).map_err(Error::at(file)),
        None => {
            println!("{document:#}");
            Ok(())
        }
    }
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
