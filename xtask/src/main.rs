//! `cargo xtask`: the tasks of this workspace, with everything they need prepared first.
//!
//! ```text
//! cargo xtask demo                     the main example on real input, with a summary
//! cargo xtask test [ARGS]              every test; ARGS go to the test runner
//! cargo xtask bench [NAME] [--json F]  one benchmark or all of them
//! cargo xtask sim [--seeds N]          simulated clusters under faults; `--seed S` replays one
//! ```
//!
//! This package depends on nothing that needs `protoc`, because providing `protoc` to the build of
//! the others is one of its duties. What a task needs is looked for on the machine first, then
//! fetched into `target/tools`, where nothing but this workspace uses it; only PostgreSQL comes as
//! a system package. If none of that works, one line says what to install.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks to its terminal"
)]

mod bench;
mod demo;
mod error;
mod sim;
mod test;
mod tools;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The tasks of this workspace")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Drain a queue of real files with four workers and check the result
    Demo {
        /// Build with optimisations
        #[arg(long)]
        release: bool,
    },
    /// Run every test of the workspace
    Test {
        /// Passed on to the test runner
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run one benchmark, or all of them
    Bench {
        /// Which one
        name: Option<String>,
        /// Write the results to this file
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Run simulated clusters under faults and judge their history
    Sim(sim::Seeds),
    /// Fetch what the tests need and print it as environment variables
    Tools,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Demo { release } => demo::run(release),
        Task::Test { arguments } => test::run(&arguments),
        Task::Bench { name, json } => bench::run(name.as_deref(), json.as_deref()),
        Task::Sim(seeds) => sim::run(seeds),
        Task::Tools => tools::print(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
