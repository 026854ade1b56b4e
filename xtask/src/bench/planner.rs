//! How fast the planner is, and how far its moves are from the fewest possible.

use serde_json::Value;

use super::Benchmark;
use crate::error::{Error, Result};
use crate::{tools, workspace};

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "planner",
    about: "planning 100,000 slots on 1,000 nodes: one job, 100 jobs, and with weights and zones",
    run,
};

fn run() -> Result<Value> {
    let mut cargo = workspace::cargo();
    cargo.args(["bench", "--package", "process_runner", "--bench", "planner"]);
    let output = workspace::output(cargo.envs(tools::for_build()?))?;
    // Nothing but the document is written to standard output, on its last line.
    let text = String::from_utf8_lossy(&output);
    let document = text.lines().last().unwrap_or_default();
    serde_json::from_str(document)
        .map_err(|error| Error::Found(format!("the benchmark printed `{document}`: {error}")))
}
