//! The command line of process_runner, whole, for any binary to embed:
//!
//! ```no_run
//! use process_runner::prelude::*;
//!
//! fn main() -> std::process::ExitCode {
//!     process_runner_cli::main(App::new())
//! }
//! ```
//!
//! # How it is built
//!
//! ```text
//! argv -> args -> command/<name> -> Exit        one file for each command
//!                    |
//!                    `- launcher                only in the stock `pr-cli`: find the user's app,
//!                                               build it, become it
//! ```
//!
//! A command gets typed arguments and returns an [`Exit`] or a `Failure`. Data goes to
//! stdout and everything else to stderr, through `output`; nothing else prints.
//!
//! # What to know when embedding it
//!
//! Call [`main`] first thing. The same executable is also started as the shim under each program
//! of the class `Command` (and as the worker process of `run`), and whatever stands before the
//! call runs there too. Arguments and exit codes belong to this crate.

mod args;
mod cluster;
mod command;
mod configuration;
mod exit;
mod guardian;
mod launcher;
mod logging;
mod output;
pub mod report;
mod signals;
mod table;

use std::process::ExitCode;

use process_runner::App;

pub use exit::Exit;

/// Runs the command that the arguments of this process name, with the job classes of `app`.
pub fn main(app: App) -> ExitCode {
    enter(app, Role::App)
}

/// The `main` of `pr-cli` itself, which looks for the user's app before it runs a command.
#[doc(hidden)]
pub fn stock_main() -> ExitCode {
    enter(App::new(), Role::Stock)
}

/// Whose classes this executable holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The user's: `main` was called with their `App`.
    App,
    /// Nobody's: the installed `pr-cli`.
    Stock,
}

fn enter(app: App, role: Role) -> ExitCode {
    if let Some(code) = process_runner::command::shim::main() {
        return code;
    }
    let exit = match guardian::recognise() {
        Err(failure) => failure.report(),
        Ok((ward, words)) => match args::parse(role, words) {
            Ok(args) => {
                command::run(args, app, role, ward).unwrap_or_else(|failure| failure.report())
            }
            Err(exit) => exit,
        },
    };
    exit.into()
}
