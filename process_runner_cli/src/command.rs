//! The commands, a file each. A command takes its typed arguments and returns how it ended.

mod completions;
mod drain;
mod dump;
mod explain;
mod jobs;
mod kick;
mod nodes;
mod pause;
mod plan;
mod quiet;
mod raise_epoch;
mod restart;
mod resume;
mod resume_node;
mod run;
mod scale;
mod schema;
mod status;
mod stop;
mod validate;
mod workers;

use process_runner::{App, Registry};

use crate::Role;
use crate::args::{Arguments, Command};
use crate::exit::{Exit, Failure};
use crate::guardian::Ward;

/// Runs the command that was asked for.
pub(crate) fn run(
    arguments: Arguments,
    app: App,
    role: Role,
    ward: Option<Ward>,
) -> Result<Exit, Failure> {
    match arguments.command {
        Command::Run(args) => run::run(&args, app, role, ward),
        Command::Validate(args) => validate::run(&args, &registry(app)?, role),
        Command::Plan(args) => plan::run(&args, &registry(app)?, role),
        Command::Jobs(args) => jobs::run(&args, &registry(app)?, role),
        Command::Schema(args) => schema::run(&args, &registry(app)?, role),
        Command::Status(args) => status::run(&args),
        Command::Nodes(args) => nodes::run(&args),
        Command::Workers(args) => workers::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Scale(args) => scale::run(&args),
        Command::Pause(args) => pause::run(&args),
        Command::Resume(args) => resume::run(&args),
        Command::Restart(args) => restart::run(&args),
        Command::Kick(args) => kick::run(&args),
        Command::Quiet(args) => quiet::run(&args),
        Command::ResumeNode(args) => resume_node::run(&args),
        Command::Drain(args) => drain::run(&args),
        Command::Stop(args) => stop::run(&args),
        Command::Dump(args) => dump::run(&args),
        Command::RaiseEpoch(args) => raise_epoch::run(&args),
        Command::Completions(args) => completions::run(&args, role),
    }
}

/// Checks what the binary brings. Whatever is wrong there is wrong for each command.
fn registry(app: App) -> Result<Registry, Failure> {
    app.into_registry()
        .map_err(|errors| Failure::new(Exit::InvalidConfig, errors.to_string()))
}
