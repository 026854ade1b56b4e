//! What the runner costs a record, against the bare loop over the same store.

use serde_json::Value;

use super::Benchmark;
use crate::error::{Error, Result};
use crate::{tools, workspace};

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "overhead",
    about: "the engine's cost per record, and the runner against the bare loop on SQLite and PostgreSQL",
    run,
};

fn run() -> Result<Value> {
    let mut cargo = workspace::cargo();
    cargo.args(["bench", "--package", "process_queue", "--bench", "overhead"]);
    let output = workspace::output(cargo.envs(tools::for_tests()?))?;
    // Nothing but the document is written to standard output, on its last line.
    let text = String::from_utf8_lossy(&output);
    let document = text.lines().last().unwrap_or_default();
    serde_json::from_str(document)
        .map_err(|error| Error::Found(format!("the benchmark printed `{document}`: {error}")))
}
