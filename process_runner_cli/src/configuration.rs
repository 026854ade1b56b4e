//! The configuration as commands use it: loaded with this process's variables, and its problems
//! told in the way and with the exit code that the user asked for.

use std::collections::BTreeSet;
use std::path::Path;

use process_runner::config::{self, Classes, Loaded, ProblemKind, Problems, Request};
use process_runner::{OptionError, Registry};
use serde_json::{Map, Value};

use crate::args::Format;
use crate::exit::{Exit, Failure};
use crate::{output, report};

/// Loads the configuration.
pub(crate) fn load(
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

/// Tells the problems and gives the exit code they stand for.
pub(crate) fn refuse(problems: &Problems, format: Format) -> Result<Exit, Failure> {
    tell(problems, format)?;
    Ok(match problems.kind {
        ProblemKind::Missing | ProblemKind::Unreadable => Exit::NoInput,
        ProblemKind::Invalid => Exit::InvalidConfig,
    })
}

/// Tells problems, or that there are none: people read stderr, programs read stdout.
pub(crate) fn tell(problems: &Problems, format: Format) -> Result<(), Failure> {
    match format {
        Format::Human if problems.list.is_empty() => Ok(()),
        Format::Human => {
            let text = report::render(problems, format, output::color_on_stderr());
            output::note(text.trim_end());
            Ok(())
        }
        Format::Json | Format::Github | Format::Sarif => {
            let text = report::render(problems, format, false);
            match text.trim_end() {
                "" => Ok(()),
                text => output::data(&format!("{text}\n")),
            }
        }
    }
}

/// The classes of a registry, and any other that the configuration names, of which nothing is
/// known: for checking a file without the app that it is for.
pub(crate) struct Partial<'a> {
    registry: &'a Registry,
    names: BTreeSet<&'a str>,
}

impl<'a> Partial<'a> {
    pub(crate) fn new(registry: &'a Registry, loaded: &'a Loaded) -> Self {
        let named = loaded.config.jobs.values().map(|job| &*job.class);
        let names = named.chain(registry.names()).collect();
        Self { registry, names }
    }
}

impl Classes for Partial<'_> {
    fn names(&self) -> Vec<&str> {
        self.names.iter().copied().collect()
    }

    fn check(&self, class: &str, options: &Value) -> Result<(), OptionError> {
        self.registry.check(class, options)
    }

    fn options_schema(&self, class: &str, definitions: &mut Map<String, Value>) -> Option<Value> {
        self.registry.options_schema(class, definitions)
    }
}
