//! The configuration as commands use it: loaded with this process's variables, nothing started, and
//! its problems told all at once, in the way and with the exit code that the user asked for.

use std::path::Path;

use process_runner::config::{self, Classes, Coordination, Loaded, ProblemKind, Problems, Request};
use process_runner::{OptionError, Registry};
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use crate::args::ConfigArgs;
use crate::exit::{Exit, Failure};
use crate::output;
use crate::report::{self, Format};

/// Loads the configuration and tells its problems or warnings on stderr.
pub(crate) fn load_for(
    arguments: &ConfigArgs,
    classes: Option<&dyn Classes>,
) -> Result<Loaded, Failure> {
    let loaded = load_silently(arguments, classes)?;
    tell(&loaded.warnings, Format::Human)?;
    Ok(loaded)
}

/// Loads the configuration and tells its problems, but no warnings: it will be loaded again.
pub(crate) fn load_silently(
    arguments: &ConfigArgs,
    classes: Option<&dyn Classes>,
) -> Result<Loaded, Failure> {
    read(
        arguments.config.as_deref(),
        arguments.environment.as_deref(),
        classes,
    )
    .map_err(|problems| refuse(&problems, Format::Human))
}

/// Reads the `etcd:` section alone: a cluster is steered from where its jobs cannot run.
pub(crate) fn coordination(arguments: &ConfigArgs) -> Result<Coordination, Failure> {
    config::load_coordination(&Request {
        path: arguments.config.as_deref(),
        environment: arguments.environment.as_deref(),
        env: &|name| std::env::var(name).ok(),
        classes: None,
    })
    .map_err(|problems| refuse(&problems, Format::Human))
}

/// Loads the configuration and tells nothing.
pub(crate) fn read(
    path: Option<&Path>,
    environment: Option<&str>,
    classes: Option<&dyn Classes>,
) -> Result<Loaded, Problems> {
    config::load(&Request {
        path,
        environment,
        env: &|name| std::env::var(name).ok(),
        classes,
    })
}

/// Tells the problems. The failure has the exit code they stand for: a file that is not there is a
/// mistake in the arguments; everything else is one in the file.
pub(crate) fn refuse(problems: &Problems, format: Format) -> Failure {
    let exit = match problems.kind {
        ProblemKind::Missing => Exit::NoInput,
        ProblemKind::Unreadable | ProblemKind::Invalid => Exit::InvalidConfig,
    };
    match tell(problems, format) {
        Ok(()) => Failure::told(exit),
        Err(failure) => failure,
    }
}

/// Tells problems or warnings: people read stderr, programs read stdout.
pub(crate) fn tell(problems: &Problems, format: Format) -> Result<(), Failure> {
    match format {
        Format::Human => {
            let text = report::render(problems, format, output::color_on_stderr());
            if !problems.list.is_empty() {
                output::note(text.trim_end());
            }
            Ok(())
        }
        Format::Json | Format::Github | Format::Sarif => {
            output::data(&report::render(problems, format, false))
        }
    }
}

/// The classes of a registry, and any others, of which nothing is known: for checking a file
/// without the app that it is for.
pub(crate) struct Partial<'a>(pub(crate) &'a Registry);

impl Classes for Partial<'_> {
    fn names(&self) -> Vec<&str> {
        Classes::names(self.0)
    }

    fn is_complete(&self) -> bool {
        false
    }

    fn check(&self, class: &str, options: &Value) -> Result<(), OptionError> {
        self.0.check(class, options)
    }

    fn options_schema(&self, class: &str, generator: &mut SchemaGenerator) -> Option<Schema> {
        Classes::options_schema(self.0, class, generator)
    }
}
