//! The configuration, loaded for a command: every problem told at once, nothing started.

use std::path::Path;

use process_runner::config::{Classes, Loaded, ProblemKind, Problems, Request, load};

use crate::args::ConfigArgs;
use crate::exit::{Exit, Failure};
use crate::output;

/// Loads the configuration and tells its warnings on stderr.
pub(crate) fn load_for(
    arguments: &ConfigArgs,
    classes: Option<&dyn Classes>,
) -> Result<Loaded, Failure> {
    let loaded = read(
        arguments.config.as_deref(),
        arguments.environment.as_deref(),
        classes,
    )
    .map_err(|problems| Failure::new(exit_of(&problems), problems.to_string()))?;
    if !loaded.warnings.list.is_empty() {
        output::note(&loaded.warnings.to_string());
    }
    Ok(loaded)
}

/// Loads the configuration and tells nothing.
pub(crate) fn read(
    path: Option<&Path>,
    environment: Option<&str>,
    classes: Option<&dyn Classes>,
) -> Result<Loaded, Problems> {
    let env = |name: &str| std::env::var(name).ok();
    load(&Request {
        path,
        environment,
        env: &env,
        classes,
    })
}

/// A file that is not there is a mistake in the arguments; everything else is one in the file.
pub(crate) fn exit_of(problems: &Problems) -> Exit {
    match problems.kind {
        ProblemKind::Missing => Exit::NoInput,
        _ => Exit::InvalidConfig,
    }
}
