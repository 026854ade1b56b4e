//! How fast the planner is, and how far its moves are from the fewest possible.

use serde_json::Value;

use super::Benchmark;
use crate::error::Result;
use crate::tools;

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "planner",
    about: "planning 100,000 slots on 1,000 nodes: one job, 100 jobs, and with weights and zones",
    run,
};

fn run() -> Result<Value> {
    super::cargo_bench("process_runner", "planner", &[], tools::for_build()?)
}
