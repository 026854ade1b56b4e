//! Whole clusters in a simulation: seeded schedules of faults, judged by their history.
//!
//! `cargo xtask sim` runs as many seeds as one likes; here a slice of them runs as a test.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

mod outside;
mod peer;
mod process;
mod run;
mod schedule;
mod store;
mod table;
mod trace;
mod work;
mod world;

use run::run;

/// Seeds of the ordinary gate.
const SEEDS: std::ops::Range<u64> = 0..40;

#[test]
fn a_slice_of_seeds_keeps_every_promise() {
    let mut bad = Vec::new();
    for seed in SEEDS {
        let outcome = run(seed);
        if !outcome.is_good() {
            bad.push(outcome.report());
        }
    }
    assert!(bad.is_empty(), "{} bad\n{}", bad.len(), bad.join("\n"));
}

#[test]
fn a_seed_repeats_itself() {
    for seed in [1, 2] {
        let (first, second) = (run(seed), run(seed));
        assert!(first.effects().0 > 10, "{}", first.text());
        let (first, second) = (first.text(), second.text());
        let pairs = first.lines().zip(second.lines());
        let differ = pairs.enumerate().find(|(_, (one, other))| one != other);
        if let Some((line, (one, other))) = differ {
            panic!("seed {seed}, line {}:\n{one}\n{other}", line + 1);
        }
        assert_eq!(first, second);
    }
}
