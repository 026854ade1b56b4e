//! What the runner costs, against the bare loop over the same store.
//!
//! Two questions, one JSON document on standard output:
//!
//! - How many nanoseconds does the engine add to a record that does nothing?
//! - What part of the bare loop's speed does a worker reach, on SQLite and on PostgreSQL? Bare loop
//!   and runner take turns over the same files; the ratio is the median of the rounds'.
//!
//! `cargo xtask bench overhead` runs it and finds PostgreSQL.

mod bare;
mod node;

use std::error::Error;
use std::path::Path;

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
        "network_round_trips_per_record": round(node::round_trips_per_record(EMPTY_RECORDS)?, 1000.0),
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

/// The bare loop's time over the runner's: 1.0 is no overhead at all. The median of the rounds'
/// ratios, so that a machine whose speed drifts from round to round does not count.
fn store_ratio(url: &str, source: &Path) -> Result<f64, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let store = runtime.block_on(Store::open(url))?;
    let mut ratios = Vec::new();
    for round in 0..=ROUNDS {
        let (first, second) = (format!("bare-{round}"), format!("runner-{round}"));
        for job in [&first, &second] {
            runtime.block_on(store.fill_once(job, source))?;
        }
        // As the runner has it: a fresh runtime and fresh connections, and a task of its own.
        let bare = || bare::drain_fresh(url, &first);
        // Which of the two comes first changes every round.
        let (plain, worker) = if round % 2 == 0 {
            let plain = bare()?;
            (plain, node::drain_store(url, &second)?)
        } else {
            let worker = node::drain_store(url, &second)?;
            (bare()?, worker)
        };
        note(&format!(
            "  round {round}: bare {plain:.2?}, runner {worker:.2?}"
        ));
        // The first round warms the page cache and the connections.
        if round > 0 {
            ratios.push(plain.as_secs_f64() / worker.as_secs_f64());
        }
    }
    Ok(median(ratios))
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

#[expect(
    clippy::print_stderr,
    reason = "nothing but the document goes to standard output"
)]
fn note(text: &str) {
    eprintln!("{text}");
}
