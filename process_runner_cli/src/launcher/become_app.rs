//! The last step: this process becomes the app.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::exit::{Exit, Failure};

/// Set to the process id by the launcher. The id survives `exec`, and a process that the app
/// starts has another one, so only a circle finds its own id here.
const LAUNCHED: &str = "PR_LAUNCHED";

/// Refuses to look for an app in a process that was launched as one.
pub(super) fn refuse_circle() -> Result<(), Failure> {
    match std::env::var(LAUNCHED) {
        Ok(pid) if pid == std::process::id().to_string() => Err(Failure::new(
            Exit::Usage,
            "the app that was named is `pr-cli` itself, which has no job classes",
        )
        .help(
            "name the executable of your own package: its `main` calls \
             `process_runner_cli::main(App::new())`",
        )),
        _ => Ok(()),
    }
}

/// Becomes `executable`, with the arguments of this process. Returns only what went wrong.
pub(super) fn exec(executable: &Path) -> Failure {
    let error = Command::new(executable)
        .args(std::env::args_os().skip(1))
        .env(LAUNCHED, std::process::id().to_string())
        .exec();
    Failure::new(
        Exit::Failure,
        format!("cannot start the app {}: {error}", executable.display()),
    )
    .help("it must be an executable that calls `process_runner_cli::main`")
}
