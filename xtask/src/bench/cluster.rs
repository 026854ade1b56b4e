//! A whole cluster on a real etcd: how it moves, starts, grows and rests.

use serde_json::Value;

use super::{Benchmark, cargo_bench};
use crate::error::Result;
use crate::tools;

pub(super) const HANDOFF: Benchmark = Benchmark {
    name: "handoff",
    about: "how long nobody runs a slot that moves, against one etcd put, on one member and on three",
    run: || run("handoff"),
};

pub(super) const COLD_START: Benchmark = Benchmark {
    name: "cold_start",
    about: "1,000 nodes start at once: until 100,000 workers run",
    run: || run("cold_start"),
};

pub(super) const JOIN: Benchmark = Benchmark {
    name: "join",
    about: "one node joins 1,000 with 100,000 workers: moves, time, events",
    run: || run("join"),
};

pub(super) const IDLE: Benchmark = Benchmark {
    name: "idle",
    about: "1,000 nodes at rest: what they write and ask",
    run: || run("idle"),
};

pub(super) const HEARTBEAT: Benchmark = Benchmark {
    name: "heartbeat",
    about: "the barrier that proves a renewal, and what a node asks of etcd at rest",
    run: || run("heartbeat"),
};

fn run(name: &str) -> Result<Value> {
    cargo_bench("process_runner", "cluster", &[name], tools::for_tests()?)
}
