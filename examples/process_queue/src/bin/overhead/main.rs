//! What the runner costs, against the bare loop over the same store.
//!
//! Two questions, one JSON document on standard output:
//!
//! - How many nanoseconds does the engine add to a record that does nothing?
//! - What part of the bare loop's speed does a worker reach, on a store that is given as
//!   `--store URL` (repeatable)? Bare loop and runner take turns over the same files, so that a
//!   machine whose speed drifts disturbs both alike; the ratio is that of the medians.
//!
//! Build it in release mode. `cargo xtask bench overhead` runs it with SQLite and PostgreSQL.

mod bare;
mod node;

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use process_queue::store::Store;
use process_queue::tree;
use serde_json::{Map, Value, json};

/// Rounds of each kind.
const ROUNDS: usize = 7;
/// Records of the engine's own measurement.
const EMPTY_RECORDS: u32 = 2_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let (stores, source) = arguments()?;
    let mut document = Map::new();
    document.insert("v".into(), json!(1));
    document.insert("bench".into(), json!("overhead"));
    let engine: Vec<f64> = (0..ROUNDS)
        .map(|_| engine_cost())
        .collect::<Result<_, _>>()?;
    document.insert("ns_per_record".into(), round(median(engine), 10.0));
    for (name, url) in stores {
        let ratio = store_ratio(&url, &source)?;
        document.insert(format!("{name}_ratio"), round(ratio, 1000.0));
    }
    let trips = node::round_trips_per_record(EMPTY_RECORDS)?;
    document.insert("network_round_trips_per_record".into(), json!(trips));
    let start = (0..ROUNDS)
        .map(|_| node::start_to_first_record())
        .collect::<Result<_, _>>()?;
    let start: Vec<f64> = start;
    document.insert(
        "start_to_first_record_ms".into(),
        round(median(start), 10.0),
    );
    print(&Value::Object(document));
    Ok(())
}

/// The stores to measure: what a figure is called after, and where the store is.
type Stores = Vec<(&'static str, String)>;

/// `--store URL` as often as there are stores, `--source DIR` for the files.
fn arguments() -> Result<(Stores, PathBuf), Box<dyn Error>> {
    let (mut stores, mut source) = (Vec::new(), tree::unpacked_dependencies());
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let value = args.next().ok_or_else(|| format!("{arg} needs a value"))?;
        match arg.as_str() {
            "--store" if value.starts_with("sqlite:") => stores.push(("sqlite", value)),
            "--store" => stores.push(("postgres", value)),
            "--source" => source = value.into(),
            _ => return Err(format!("unknown argument {arg}; known: --store, --source").into()),
        }
    }
    Ok((stores, source))
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
