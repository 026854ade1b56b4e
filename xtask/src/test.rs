//! `cargo xtask test`: every test, by nextest where it is installed, and the doctests.

use std::process::{Command, Stdio};

use crate::error::Result;
use crate::{tools, workspace};

/// By which nextest is told how many tests run at once.
const THREADS: &str = "NEXTEST_TEST_THREADS";

/// Builds the programs that end-to-end tests start, then runs all tests. With `arguments`, those
/// go to the test runner and the doctests are left out.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let variables = tools::for_tests()?;
    let cargo = |words: &[&str]| {
        let mut cargo = workspace::cargo();
        cargo.args(words).envs(variables.iter().cloned());
        cargo
    };
    workspace::run(&mut cargo(&["build", "--workspace", "--bins"]))?;
    let runner: &[&str] = if has_nextest() {
        &["nextest", "run", "--workspace", "--no-fail-fast"]
    } else {
        &["test", "--workspace", "--all-targets", "--no-fail-fast"]
    };
    let mut tests = cargo(runner);
    if std::env::var_os(THREADS).is_none() {
        tests.env(THREADS, at_once().to_string());
    }
    workspace::run(tests.args(arguments))?;
    if arguments.is_empty() {
        workspace::run(&mut cargo(&["test", "--workspace", "--doc"]))?;
    }
    Ok(())
}

/// How many tests run at once: half as many again as there are cores. Those of clusters wait most of their
/// time, for leases that run out; more of them would be late for their own clocks.
fn at_once() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores + cores / 2
}

fn has_nextest() -> bool {
    let mut nextest: Command = workspace::cargo();
    nextest.args(["nextest", "--version"]);
    nextest.stdout(Stdio::null()).stderr(Stdio::null());
    nextest.status().is_ok_and(|status| status.success())
}
