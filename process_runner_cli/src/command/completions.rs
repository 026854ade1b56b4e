//! `completions SHELL`: the script that makes a shell complete commands and options.

use crate::args::{self, CompletionsArgs};
use crate::exit::{Exit, Failure};
use crate::{Role, output};

pub(super) fn run(arguments: &CompletionsArgs, role: Role) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    let mut command = args::command(role);
    clap_complete::generate(arguments.shell, &mut command, "pr-cli", &mut script);
    output::data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Clean)
}
