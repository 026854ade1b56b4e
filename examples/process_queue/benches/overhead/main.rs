//! What the runner costs, against the bare loop over the same store.
//!
//! Two questions, one JSON document on standard output:
//!
//! - How many nanoseconds does the engine add to a record that does nothing?
//! - What part of the bare loop's speed does a worker reach, on SQLite and on PostgreSQL? Bare loop
//!   and runner take turns over the same files, so that a machine whose speed drifts disturbs both
//!   alike; the ratio is that of the medians.
//!
//! `cargo xtask bench overhead` runs it and finds PostgreSQL.

mod bare;
mod node;

use std::error::Error;
use std::time::Duration;

use process_queue::store::Store;
use process_queue::tree;
use serde_json::{Value, json};
use tests::postgres::Postgres;

/// Rounds of each kind.
const ROUNDS: usize = 7;
/// Records of the engine's own measurement.
const EMPTY_RECORDS: u32 = 2_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo's test runner calls benchmarks too, to see that they build; it asks for no figures.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let source = tree::unpacked_dependencies();
    let dir = tempfile::tempdir()?;
    let sqlite = format!("sqlite:{}", dir.path().join("queue.db").display());
    let postgres = Postgres::start()?;
    let document = json!({
        "v": 1,
        "bench": "overhead",
        "ns_per_record": round(median(repeat(engine_cost)?), 10.0),
        "sqlite_ratio": round(store_ratio(&sqlite, &source)?, 1000.0),
        "postgres_ratio": round(store_ratio(&postgres.database("queue")?, &source)?, 1000.0),
        "network_round_trips_per_record": node::round_trips_per_record(EMPTY_RECORDS)?,
        "start_to_first_record_ms": round(median(repeat(node::start_to_first_record)?), 10.0),
    });
    print(&document);
    Ok(())
}

fn repeat(measure: impl Fn() -> Result<f64, Box<dyn Error>>) -> Result<Vec<f64>, Box<dyn Error>> {
    (0..ROUNDS).map(|_| measure()).collect()
}

/// Nanoseconds that the engine adds to a record: a worker's time less a plain loop's.
fn engine_cost() -> Result<f64, Box<dyn Error>> {
    let worker = node::drain_nothing(EMPTY_RECORDS)?;
    let plain = bare::drain_nothing(EMPTY_RECORDS);
    Ok((worker.as_nanos() as f64 - plain.as_nanos() as f64) / f64::from(EMPTY_RECORDS))
}

/// The bare loop's time over the runner's: 1.0 is no overhead at all.
fn store_ratio(url: &str, source: &std::path::Path) -> Result<f64, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let store = runtime.block_on(Store::open(url))?;
    let (mut bare, mut runner) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let unique = format!("{}-{round}", std::process::id());
        let first = format!("bare-{unique}");
        let second = format!("runner-{unique}");
        for job in [&first, &second] {
            runtime.block_on(store.fill_once(job, source))?;
        }
        // Which of the two comes first changes every round.
        let times = if round % 2 == 0 {
            let plain = runtime.block_on(bare::drain(&store, &first))?;
            (plain, node::drain_store(url, &second)?)
        } else {
            let worker = node::drain_store(url, &second)?;
            (runtime.block_on(bare::drain(&store, &first))?, worker)
        };
        // The first round warms the page cache and the connections.
        if round > 0 {
            bare.push(seconds(times.0));
            runner.push(seconds(times.1));
        }
    }
    Ok(median(bare) / median(runner))
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn round(value: f64, parts: f64) -> Value {
    json!((value * parts).round() / parts)
}

#[expect(
    clippy::print_stdout,
    reason = "the document is what this program is for"
)]
fn print(document: &Value) {
    println!("{document}");
}
