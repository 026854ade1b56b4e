//! The whole demonstration, optimised: records per second from start to exit.

use serde_json::{Value, json};

use super::Benchmark;
use crate::demo;
use crate::error::Result;

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "queue",
    about: "examples/process_queue over the sources of the dependencies, four workers, SQLite",
    run,
};

fn run() -> Result<Value> {
    let queue = demo::build(true)?;
    let (progress, took) = demo::drain(&queue)?;
    let seconds = took.as_secs_f64();
    Ok(json!({
        "records": progress.done,
        "failed": progress.failed,
        "mebibytes": progress.mebibytes(),
        "seconds": seconds,
        "records_per_second": progress.done as f64 / seconds,
    }))
}
