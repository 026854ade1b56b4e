//! How fast the slots of a crashed node run again: real processes on a real etcd.

use super::{Benchmark, cargo_bench};
use crate::tools;

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "failover",
    about: "kill -9 of a node's worker process, and of the whole node: until its slots run elsewhere",
    run: || cargo_bench("process_runner_cli", "failover", &[], tools::for_tests()?),
};
