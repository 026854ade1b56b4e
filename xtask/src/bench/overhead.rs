//! What the runner costs a record, against the bare loop over the same store.

use serde_json::Value;

use super::Benchmark;
use crate::error::Result;
use crate::tools;

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "overhead",
    about: "the engine's cost per record, and the runner against the bare loop on SQLite and PostgreSQL",
    run,
};

fn run() -> Result<Value> {
    super::cargo_bench("process_queue", "overhead", &[], tools::for_tests()?)
}
