//! `run`: starts a node and stays until it is told to stop.

mod node;

use std::sync::Arc;

use process_runner::App;
use process_runner::config::{Config, Loaded};

use super::registry;
use crate::args::{Format, RunArgs};
use crate::exit::{Exit, Failure};
use crate::{Role, configuration, launcher, logging, output};

pub(super) fn run(arguments: &RunArgs, app: App, role: Role) -> Result<Exit, Failure> {
    let path = arguments.config.config.as_deref();
    let environment = arguments.config.environment.as_deref();
    if role == Role::Stock {
        // What is wrong whatever the classes are is told before anything is built.
        let loaded = match configuration::load(path, environment, None) {
            Ok(loaded) => loaded,
            Err(problems) => return configuration::refuse(&problems, Format::Human),
        };
        let no_app = launcher::become_app(&arguments.app, &loaded)?;
        output::note(&format!(
            "app: none ({}); there is the built-in class `Command` only",
            no_app.why
        ));
    }
    let registry = registry(app.program_shim("/proc/self/exe".into()))?;
    let loaded = match configuration::load(path, environment, Some(&registry)) {
        Ok(loaded) => loaded,
        Err(problems) => return configuration::refuse(&problems, Format::Human),
    };
    configuration::tell(&loaded.warnings, Format::Human)?;
    logging::start(arguments.log_format)?;
    node::run(chosen(loaded, arguments)?, registry, arguments)
}

/// The configuration as the arguments change it.
fn chosen(loaded: Loaded, arguments: &RunArgs) -> Result<Config, Failure> {
    let mut config = loaded.config;
    if let Some(name) = &arguments.node_name {
        config.node.name = Some(name.clone());
    }
    if arguments.jobs.is_empty() {
        return Ok(config);
    }
    for name in &arguments.jobs {
        if !config.jobs.contains_key(&**name) {
            let known: Vec<&str> = config.jobs.keys().map(|job| &**job).collect();
            let message = format!("there is no job `{name}` in {}", loaded.path.display());
            return Err(Failure::new(Exit::Usage, message)
                .help(format!("its jobs are: {}", known.join(", "))));
        }
    }
    let wanted = |job: &Arc<str>| arguments.jobs.iter().any(|name| **name == **job);
    config.jobs.retain(|job, _| wanted(job));
    Ok(config)
}
