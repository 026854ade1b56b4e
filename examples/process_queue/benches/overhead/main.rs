//! What the runner costs, against the bare loop over the same store.
//!
//! Two questions, one JSON document on standard output:
//!
//! - How many nanoseconds does the engine add to a record that does nothing?
//! - What part of the bare loop's speed does a worker reach, on SQLite and on PostgreSQL? Bare loop
//!   and worker take turns over the same files, batch by batch (see `turns`).
//!
//! `cargo xtask bench overhead` runs it and finds PostgreSQL.

mod bare;
mod node;
mod turns;

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use process_queue::store::Store;
use process_queue::tree;
use serde_json::{Value, json};
use tests::postgres::Postgres;

use self::turns::Turns;

/// Rounds of each kind; over a store, one that is not counted comes first.
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
    let on_sqlite = store_ratios(&sqlite, &source)?;
    let on_postgres = store_ratios(&postgres.database("queue")?, &source)?;
    let document = json!({
        "v": 1,
        "bench": "overhead",
        "ns_per_record": round(median(repeat(engine_cost)?), 10.0),
        "sqlite_ratio": round(median(on_sqlite.clone()), 1000.0),
        "sqlite_ratio_interval": interval(on_sqlite),
        "postgres_ratio": round(median(on_postgres.clone()), 1000.0),
        "postgres_ratio_interval": interval(on_postgres),
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

/// Samples of the bare loop's time over the worker's: 1.0 is no overhead at all.
fn store_ratios(url: &str, source: &Path) -> Result<Vec<f64>, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let store = runtime.block_on(Store::open(url))?;
    let mut ratios = Vec::new();
    for round in 0..=ROUNDS {
        let (bare, worker) = (format!("bare-{round}"), format!("worker-{round}"));
        for job in [&bare, &worker] {
            runtime.block_on(store.fill_once(job, source))?;
        }
        let turns = Arc::new(Turns::default());
        std::thread::scope(|scope| {
            // As the worker has it: a fresh runtime and fresh connections, and a task of its own.
            let plain = scope.spawn(|| {
                let drained = bare::drain_fresh(url, &bare, &turns);
                drained.map_err(|error| error.to_string())
            });
            node::drain_store(url, &worker, &turns)?;
            let plain = plain.join().map_err(|_| "the bare loop panicked")?;
            plain.map_err(Box::<dyn Error>::from)
        })?;
        let samples = turns.ratios();
        note(&format!(
            "  round {round}: {} samples, median {:.3}",
            samples.len(),
            median(samples.clone())
        ));
        // The first round warms the page cache and the connections.
        if round > 0 {
            ratios.extend(samples);
        }
    }
    Ok(ratios)
}

/// Where the median of all samples one could take lies, at a confidence of 97 %: the binomial
/// distribution's ranks, without an assumption about how the samples are distributed.
fn interval(mut values: Vec<f64>) -> Value {
    values.sort_by(f64::total_cmp);
    let (middle, half) = (
        values.len() as f64 / 2.0,
        1.085 * (values.len() as f64).sqrt(),
    );
    let at = |rank: f64| {
        let last = values.len().saturating_sub(1);
        values.get((rank.max(0.0) as usize).min(last)).copied()
    };
    let shown = |rank: f64| round(at(rank).unwrap_or(f64::NAN), 1000.0);
    json!([shown(middle - half), shown(middle + half)])
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
