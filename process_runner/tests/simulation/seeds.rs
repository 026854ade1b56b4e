//! Runs seeds of the simulation, as many as one likes, on all cores. See `cargo xtask sim`.
//!
//! `--seeds N` runs N of them, `--from S` begins with that one; `--seed S` runs one, twice, and
//! writes its trace whatever comes of it, or once if `PR_SIMULATION_LOG` asks for what is logged. It
//! fails if a seed fails, does not repeat itself, or does
//! not come to an end. Of many, each 50th is run twice, or each of them with `--twice`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test program talks to its terminal, and says what is wrong by failing"
)]

mod logs;
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

use run::{Outcome, run};

/// Enough bad seeds to look at; the rest need not run.
const ENOUGH: usize = 10;
/// Of many seeds so many are run once for each that is run twice.
const SAMPLE: u64 = 50;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (mut seeds, mut from, mut every) = (1000, 0, SAMPLE);
    let mut alone = None;
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
            "--seed" => alone = Some(number()),
            "--twice" => every = 1,
            // What cargo adds.
            "--bench" => {}
            other => panic!("`{other}` is not known here"),
        }
    }
    match alone {
        Some(seed) => one(seed),
        None => many(from, seeds, every),
    }
}

/// Runs one seed, and once more to see that it repeats itself, unless its log is wanted.
fn one(seed: u64) -> ExitCode {
    let outcome = run(seed);
    println!("{}", outcome.report());
    if !logs::show() {
        if let Some(differs) = differs(&outcome) {
            println!("{differs}");
            return ExitCode::FAILURE;
        }
        println!("  it repeats itself\n");
    }
    match outcome.is_good() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn many(from: u64, seeds: u64, every: u64) -> ExitCode {
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
            let differs = seed
                .is_multiple_of(every)
                .then(|| differs(&outcome))
                .flatten();
            if !outcome.is_good() || differs.is_some() {
                bad.fetch_add(1, Ordering::Relaxed);
                println!("{}{}", outcome.report(), differs.unwrap_or_default());
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

/// Runs a seed once more. Says where the two traces part, if they do.
fn differs(first: &Outcome) -> Option<String> {
    let (one, other) = (first.text(), run(first.schedule.seed).text());
    let (mut ones, mut others) = (one.lines(), other.lines());
    let mut line = 1;
    loop {
        let (one, other) = match (ones.next(), others.next()) {
            (None, None) => return None,
            pair => pair,
        };
        if one != other {
            let (one, other) = (one.unwrap_or("(end)"), other.unwrap_or("(end)"));
            return Some(format!(
                "it did not repeat itself: line {line} was\n    {one}\nand then\n    {other}\n"
            ));
        }
        line += 1;
    }
}
