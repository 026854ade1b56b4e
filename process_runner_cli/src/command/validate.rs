//! `validate`: every problem of a configuration at once, without starting anything.

use process_runner::Registry;
use process_runner::config::{Classes, Loaded, Problems};

use crate::args::ValidateArgs;
use crate::configuration::{self, Partial};
use crate::exit::{Exit, Failure};
use crate::report::Format;
use crate::{Role, launcher, output};

pub(super) fn run(
    arguments: &ValidateArgs,
    registry: &Registry,
    role: Role,
) -> Result<Exit, Failure> {
    let checked = match role {
        Role::App => check(arguments, Some(registry)),
        // What can be said without the app is said before anything is built.
        Role::Stock => {
            let checked = check(arguments, Some(&Partial(registry)));
            if let Ok(checked) = &checked {
                let no_app = launcher::become_app(&arguments.app, &checked.loaded)?;
                tell_unchecked(checked, registry, &no_app.why);
            }
            checked
        }
    };
    match checked {
        Ok(checked) => finish(&checked, arguments.format),
        Err(problems) => Err(configuration::refuse(&problems, arguments.format)),
    }
}

/// A file that is valid as it was asked for.
struct Checked {
    /// In the first environment that was checked.
    loaded: Loaded,
    /// The warnings of all environments that were checked.
    warnings: Problems,
    environments: Vec<String>,
}

/// Checks the file in one environment or in all of them.
fn check(arguments: &ValidateArgs, classes: Option<&dyn Classes>) -> Result<Checked, Problems> {
    let load = |environment: Option<&str>| {
        configuration::read(arguments.config.config.as_deref(), environment, classes)
    };
    let loaded = load(arguments.config.environment.as_deref())?;
    let mut environments = Vec::new();
    if arguments.all_envs {
        environments.clone_from(&loaded.config.environments);
    }
    let mut warnings = loaded.warnings.clone();
    let mut failed: Option<Problems> = None;
    for environment in &environments {
        match load(Some(environment)) {
            Ok(loaded) => merge(&mut warnings, loaded.warnings),
            Err(problems) => match &mut failed {
                Some(failed) => merge(failed, problems),
                None => failed = Some(problems),
            },
        }
    }
    match failed {
        Some(problems) => Err(problems),
        None => Ok(Checked {
            loaded,
            warnings,
            environments,
        }),
    }
}

/// Adds the problems of another environment of the same file, each once.
fn merge(into: &mut Problems, other: Problems) {
    for problem in other.list {
        if !into.list.contains(&problem) {
            into.list.push(problem);
        }
    }
    into.omitted = into.omitted.max(other.omitted);
}

/// Says which jobs were not checked against their class, because there is no app to ask.
fn tell_unchecked(checked: &Checked, registry: &Registry, why: &str) {
    let jobs = checked.loaded.config.jobs.values();
    let mut classes: Vec<_> = jobs
        .map(|job| &*job.class)
        .filter(|class| registry.class(class).is_none())
        .collect();
    classes.sort_unstable();
    classes.dedup();
    if !classes.is_empty() {
        output::note(&format!(
            "note: {why}, so these classes and their options were not checked: {}",
            classes.join(", ")
        ));
    }
}

fn finish(checked: &Checked, format: Format) -> Result<Exit, Failure> {
    configuration::tell(&checked.warnings, format)?;
    if format == Format::Human {
        let config = &checked.loaded.config;
        let (jobs, workers) = (config.jobs.len(), config.workers());
        let mut line = format!(
            "ok: {}, {}",
            count(jobs as u64, "job"),
            count(workers, "worker")
        );
        if !checked.environments.is_empty() {
            line.push_str(&format!(" in {}", checked.environments.join(", ")));
        }
        output::data(&format!("{line}\n"))?;
    }
    Ok(Exit::Clean)
}

fn count(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}
