//! The commands, a file each. A command takes its typed arguments and returns how it ended.

mod completions;
mod jobs;
mod plan;
mod run;
mod schema;
mod status;
mod validate;

use process_runner::{App, Registry};

use crate::Role;
use crate::args::{Arguments, Command};
use crate::exit::{Exit, Failure};

/// Runs the command that was asked for.
pub(crate) fn run(arguments: Arguments, app: App, role: Role) -> Result<Exit, Failure> {
    match arguments.command {
        Command::Run(args) => run::run(&args, app, role),
        Command::Validate(args) => validate::run(&args, &registry(app)?, role),
        Command::Plan(args) => plan::run(&args, &registry(app)?, role),
        Command::Jobs(args) => jobs::run(&args, &registry(app)?, role),
        Command::Schema(args) => schema::run(&args, &registry(app)?, role),
        Command::Status(args) => status::run(&args),
        Command::Completions(args) => completions::run(&args, role),
    }
}

/// Checks what the binary brings. Whatever is wrong there is wrong for each command.
fn registry(app: App) -> Result<Registry, Failure> {
    app.into_registry()
        .map_err(|errors| Failure::new(Exit::InvalidConfig, errors.to_string()))
}
