//! Runs seeds of the simulation, as many as one likes, on all cores. See `cargo xtask sim`.
//!
//! `--seeds N` runs N of them, `--from S` begins with that one; `--seed S` runs one, twice, and
//! writes its trace whatever comes of it. It fails if a seed fails, does not repeat itself, or does
//! not come to an end.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test program talks to its terminal, and says what is wrong by failing"
)]

mod outside;
mod peer;
mod process;
mod recovery;
mod run;
mod schedule;
mod store;
mod table;
mod trace;
mod watchdog;
mod work;
mod world;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use run::run;

/// Enough bad seeds to look at; the rest need not run.
const ENOUGH: usize = 10;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (mut seeds, mut from) = (1000, 0);
    while let Some(argument) = arguments.next() {
        let mut number = || -> u64 {
            let value = arguments.next().unwrap_or_default();
            value
                .parse()
                .unwrap_or_else(|_| panic!("`{argument}` needs a number"))
        };
        match argument.as_str() {
            "--seeds" => seeds = number(),
            "--from" => from = number(),
            "--seed" => return one(number()),
            // What cargo adds.
            "--bench" => {}
            other => panic!("`{other}` is not known here"),
        }
    }
    many(from, seeds)
}

/// Runs one seed, and once more to see that it repeats itself.
fn one(seed: u64) -> ExitCode {
    let outcome = run(seed);
    println!("{}", outcome.report());
    if outcome.text() != run(seed).text() {
        println!("seed {seed} did not repeat itself");
        return ExitCode::FAILURE;
    }
    match outcome.is_good() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn many(from: u64, seeds: u64) -> ExitCode {
    let began = Instant::now();
    let (next, bad) = (AtomicU64::new(from), AtomicUsize::new(0));
    let (done, units, refused) = (AtomicU64::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let times = Mutex::new(Vec::new());
    let work = || {
        while bad.load(Ordering::Relaxed) < ENOUGH {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= from + seeds {
                return;
            }
            let outcome = run(seed);
            let (accepted, late) = outcome.effects();
            units.fetch_add(accepted, Ordering::Relaxed);
            times.lock().unwrap().push((outcome.recovered, seed));
            refused.fetch_add(late, Ordering::Relaxed);
            if !outcome.is_good() {
                bad.fetch_add(1, Ordering::Relaxed);
                println!("{}", outcome.report());
            }
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if done.is_multiple_of(1000) {
                let rate = done as f64 / began.elapsed().as_secs_f64();
                eprintln!("{done} of {seeds} seeds, {rate:.1} a second");
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(work);
        }
    });
    let (done, bad) = (done.into_inner(), bad.into_inner());
    let rate = done as f64 / began.elapsed().as_secs_f64();
    println!(
        "{done} seeds from {from}: {bad} bad, {rate:.1} a second; {} effects accepted, {} refused",
        units.into_inner(),
        refused.into_inner()
    );
    println!("{}", recovery(times.into_inner().unwrap()));
    match bad {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// How long it took until everything was worked on again, and which seed took longest.
fn recovery(mut times: Vec<(Duration, u64)>) -> String {
    times.sort_unstable();
    let Some((most, seed)) = times.last() else {
        return String::new();
    };
    let part = |of: f64| times[((times.len() - 1) as f64 * of) as usize].0;
    format!(
        "all slots worked again after {:?} (median), {:?} (99 %), at most {most:?} (seed {seed})",
        part(0.5),
        part(0.99)
    )
}
