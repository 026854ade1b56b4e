//! How the stock `pr-cli` comes by the user's job classes: it finds their app, has cargo build it
//! if need be, and becomes it by `exec`, so that signals, the process id and the terminal stay.
//!
//! ```text
//! --app PATH, PR_APP, `app:` in the file, the cargo package around the file
//!    `- choice -> package -> target   its own binary, or
//!                              `----- generated main in the target folder, for a library
//!                                       `- build -> exec
//! ```
//!
//! # Guarantees
//!
//! - An app that was chosen runs, or the command fails and says why: nothing falls back to fewer
//!   classes in silence.
//! - Nothing is written outside the package's target folder.
//! - It does not `exec` in a circle: an app that is `pr-cli` itself is an error.
//!
//! # How it fails
//!
//! Without any app around, the command goes on with the built-in class `Command`; the caller says
//! so. Everything else that goes wrong is a [`Failure`] with what to do.

mod become_app;
mod build;
mod cargo;
mod choice;
mod generate;
mod package;
mod target;

use std::path::{Path, PathBuf};

use process_runner::config::{AppSource, Loaded};

use crate::args::AppArgs;
use crate::configuration;
use crate::exit::Failure;
use crate::output;
use choice::Choice;

/// There is no app, for this reason: the command goes on without one.
pub(crate) struct NoApp {
    pub(crate) why: String,
}

/// Becomes the app that `loaded` is for. Returns only if there is none.
pub(crate) fn become_app(arguments: &AppArgs, loaded: &Loaded) -> Result<NoApp, Failure> {
    find_and_become(arguments, &loaded.path, loaded.config.app.as_ref())
}

/// Becomes the app around a configuration that need not exist. Returns only if there is none.
pub(crate) fn become_app_around(
    arguments: &AppArgs,
    config: Option<&Path>,
) -> Result<NoApp, Failure> {
    match configuration::read(config, None, None) {
        Ok(loaded) => become_app(arguments, &loaded),
        Err(_) => {
            let around = config.map_or_else(|| PathBuf::from("config.yml"), Path::to_owned);
            find_and_become(arguments, &around, None)
        }
    }
}

fn find_and_become(
    arguments: &AppArgs,
    config: &Path,
    source: Option<&AppSource>,
) -> Result<NoApp, Failure> {
    become_app::refuse_circle()?;
    let (executable, why) = match choice::choose(arguments, config, source)? {
        Choice::Executable { path, why } => (path, why),
        Choice::Package { target, why } => (build::build(&target, arguments.release)?, why),
        Choice::None { why } => return Ok(NoApp { why }),
    };
    output::note(&format!("app: {} ({why})", executable.display()));
    Err(become_app::exec(&executable))
}
