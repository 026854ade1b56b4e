//! `run`: starts a node and runs workers until it is told to stop.
//!
//! This process becomes the guardian of a worker process, which is the same command again (see
//! `guardian`); with `--no-guardian` it runs the workers itself.
//!
//! Everything that can be wrong with the configuration is told before anything starts. Signals
//! then steer the node: TERM and INT drain, a second one cancels, a third exits now.

mod steer;

use process_runner::config::Config;
use process_runner::{App, CoordinationError, Node, NodeEnd, NodeError};

use super::registry;
use crate::args::RunArgs;
use crate::configuration::{Partial, load_for, load_silently};
use crate::exit::{Exit, Failure};
use crate::guardian::{self, Ward};
use crate::{Role, launcher, logging, output};

/// Runs a node to its end: in a worker process, in this one, or as a guardian.
pub(super) fn run(
    arguments: &RunArgs,
    app: App,
    role: Role,
    ward: Option<Ward>,
) -> Result<Exit, Failure> {
    if let Some(ward) = ward {
        let end = run_node(arguments, app, Some(&ward));
        let exit = match &end {
            Ok(exit) => *exit,
            Err(failure) => failure.exit(),
        };
        ward.last_word().say(exit);
        return end;
    }
    find_app(arguments, role)?;
    if arguments.no_guardian {
        return run_node(arguments, app, None);
    }
    logging::start(arguments.log_format)?;
    guardian::run(arguments)
}

/// In the stock `pr-cli`: becomes the user's app, if there is one.
fn find_app(arguments: &RunArgs, role: Role) -> Result<(), Failure> {
    if role == Role::Stock {
        // What can be said without the app is said before anything is built.
        let built_in = registry(App::new())?;
        let loaded = load_silently(&arguments.config, Some(&Partial(&built_in)))?;
        let no_app = launcher::become_app(&arguments.app, &loaded)?;
        let why = no_app.why;
        output::note(&format!(
            "app: none ({why}); only the built-in class `Command` is there"
        ));
    }
    Ok(())
}

/// Runs the node in this process.
fn run_node(arguments: &RunArgs, app: App, ward: Option<&Ward>) -> Result<Exit, Failure> {
    logging::start(arguments.log_format)?;
    // Programs of `Command` run under this same executable, by whatever name it has by then.
    let registry = registry(app.program_shim("/proc/self/exe".into()))?;
    let mut config = load_for(&arguments.config, Some(&registry))?.config;
    choose_jobs(&mut config, &arguments.jobs)?;
    if let Some(name) = &arguments.node_name {
        config.node.name = Some(name.clone());
    }
    let node = Node::new(config, registry)
        .until_idle(arguments.until_idle)
        .wait(arguments.wait);
    let reporter = steer::steer(node.handle(), ward)?;
    let predecessors = ward.map(Ward::predecessors).unwrap_or_default();
    match node.supervised(reporter, predecessors).run() {
        Ok(end) => Ok(exit_of(end)),
        Err(error) => Err(failure(error)),
    }
}

/// Keeps only the jobs that were named.
fn choose_jobs(config: &mut Config, wanted: &[String]) -> Result<(), Failure> {
    if wanted.is_empty() {
        return Ok(());
    }
    if let Some(unknown) = wanted
        .iter()
        .find(|job| !config.jobs.contains_key(job.as_str()))
    {
        let known: Vec<&str> = config.jobs.keys().map(|job| &**job).collect();
        return Err(
            Failure::new(Exit::Usage, format!("there is no job `{unknown}`"))
                .help(format!("the configuration has: {}", known.join(", "))),
        );
    }
    config
        .jobs
        .retain(|job, _| wanted.iter().any(|name| **job == **name));
    Ok(())
}

fn exit_of(end: NodeEnd) -> Exit {
    match end {
        NodeEnd::Clean => Exit::Clean,
        NodeEnd::CutOff { .. } | NodeEnd::Outlived { lost: false, .. } => Exit::DrainDeadline,
        NodeEnd::Outlived { lost: true, .. } => Exit::LostMembership,
        _ => Exit::Failure,
    }
}

fn failure(error: NodeError) -> Failure {
    let exit = match &error {
        NodeError::Coordination(
            CoordinationError::Unreachable { .. } | CoordinationError::NoSpace { .. },
        ) => Exit::Unavailable,
        NodeError::App(_) | NodeError::UnknownClass { .. } | NodeError::Job { .. } => {
            Exit::InvalidConfig
        }
        NodeError::Thread(_) | NodeError::Panicked(_) => Exit::Internal,
        _ => Exit::Failure,
    };
    Failure::new(exit, error.to_string())
}
