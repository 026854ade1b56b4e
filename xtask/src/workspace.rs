//! Where things are in this workspace, and how to run cargo and its results.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Result};

/// The workspace's root: the parent of this package.
pub(crate) fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// Where cargo puts what it builds: `target`, unless the environment moves it.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(moved) => root().join(moved),
        None => root().join("target"),
    }
}

/// A cargo command in the root of the workspace, with the cargo that runs this task.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// A built program of the workspace.
pub(crate) fn binary(name: &str, release: bool) -> PathBuf {
    let profile = if release { "release" } else { "debug" };
    target().join(profile).join(name)
}

/// Runs `command` to its end; its output goes to the terminal.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let what = describe(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Error::Failed { what, status }),
        Err(source) => Err(Error::Io { what, source }),
    }
}

/// Runs `command` to its end and returns its standard output.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>> {
    let what = describe(command);
    match command.output() {
        Ok(output) if output.status.success() => Ok(output.stdout),
        Ok(output) => Err(Error::Failed {
            what: format!("{what}: {}", String::from_utf8_lossy(&output.stderr).trim()),
            status: output.status,
        }),
        Err(source) => Err(Error::Io { what, source }),
    }
}

/// The program and its arguments, as one would type them.
fn describe(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
