//! A main for a package that has jobs in a library and no binary with the command line in it.
//!
//! It is a package of its own in the user's target folder: it links the library, and calls
//! `process_runner_cli::main`. The command line comes from where the user's process_runner comes
//! from, in the same version, because jobs register with exactly one copy of it. Files are written
//! only when they change, so that cargo finds nothing to do the next time.

mod manifest;
mod source;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::cargo::{Metadata, Package};
use super::target::Target;
use crate::exit::{Exit, Failure};

/// The name the user's library has in the generated package.
const LIBRARY: &str = "jobs";

const MAIN: &str = "\
//! Written by `pr-cli` for a library with job classes. Changes are overwritten.

// Linked for what it registers.
use jobs as _;

fn main() -> std::process::ExitCode {
    process_runner_cli::main(process_runner::App::new())
}
";

/// Writes the package for `package`, whose sources are in `directory`.
pub(super) fn main(
    metadata: &Metadata,
    package: &Package,
    directory: PathBuf,
) -> Result<Target, Failure> {
    let name = format!("pr-{}", package.name);
    let place = metadata
        .target_directory
        .join("process_runner")
        .join(&package.name);
    let sources = source::of(metadata)?;
    let root = metadata.workspace_root.join("Cargo.toml");
    let written = manifest::text(&name, &package.name, &directory, &sources, &root)
        .and_then(|manifest| write(&place, &manifest, &metadata.workspace_root));
    written.map_err(|error| {
        let message = format!(
            "cannot write a main for `{}` in {}: {error}",
            package.name,
            place.display()
        );
        Failure::new(Exit::Failure, message)
    })?;
    Ok(Target {
        manifest: place.join("Cargo.toml"),
        package: name.clone(),
        binary: name,
        directory,
        target_directory: metadata.target_directory.clone(),
    })
}

fn write(place: &Path, manifest: &str, workspace: &Path) -> io::Result<()> {
    fs::create_dir_all(place.join("src"))?;
    write_if_changed(&place.join("Cargo.toml"), manifest.as_bytes())?;
    write_if_changed(&place.join("src/main.rs"), MAIN.as_bytes())?;
    match fs::read(workspace.join("Cargo.lock")) {
        Ok(lock) => take_over_lock(place, &lock),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Builds with the user's versions. Cargo adds the command line to our copy of the lock file, so it
/// is overwritten only when the user's own has changed.
fn take_over_lock(place: &Path, lock: &[u8]) -> io::Result<()> {
    if write_if_changed(&place.join("Cargo.lock.taken"), lock)? {
        fs::write(place.join("Cargo.lock"), lock)?;
    }
    Ok(())
}

/// Writes a file unless it says that already. True if it was written.
fn write_if_changed(path: &Path, text: &[u8]) -> io::Result<bool> {
    let same = fs::read(path).is_ok_and(|old| old == text);
    if !same {
        fs::write(path, text)?;
    }
    Ok(!same)
}
