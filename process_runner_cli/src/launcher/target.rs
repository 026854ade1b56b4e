//! What of a package is to be built: one of its binaries, or a main that links its library.

use std::path::PathBuf;

use super::cargo::{Metadata, Package};
use super::generate;
use crate::exit::{Exit, Failure};

/// What cargo is to build.
#[derive(Debug)]
pub(super) struct Target {
    /// The manifest with the binary.
    pub(super) manifest: PathBuf,
    /// The package with the binary.
    pub(super) package: String,
    /// The binary.
    pub(super) binary: String,
    /// Where cargo is run, so that the user's toolchain and settings count.
    pub(super) directory: PathBuf,
    /// The user's target folder, so that nothing is built twice.
    pub(super) target_directory: PathBuf,
}

/// What to build of `package`, which depends on process_runner.
pub(super) fn of(metadata: &Metadata, package: &Package) -> Result<Target, Failure> {
    refuse_two_copies(metadata)?;
    let dependencies = metadata.dependencies(package);
    let has_main = dependencies
        .iter()
        .any(|dependency| dependency.name == "process_runner_cli");
    let binaries = names(package, "bin");
    let library = package
        .targets
        .iter()
        .any(|target| is_library(&target.kind));
    let directory = package.manifest_path.parent().map(PathBuf::from);
    let directory = directory.unwrap_or_default();
    match (library, &binaries[..]) {
        // A binary without the command line in it is something else: the library has the jobs.
        (true, binaries) if !has_main || binaries.is_empty() => {
            generate::main(metadata, package, directory)
        }
        (false, binaries) if !has_main || binaries.is_empty() => Err(no_main(package)),
        (_, binaries) => Ok(Target {
            manifest: package.manifest_path.clone(),
            package: package.name.clone(),
            binary: one_of(package, binaries)?,
            directory,
            target_directory: metadata.target_directory.clone(),
        }),
    }
}

/// A job registers with the copy of process_runner it was built with; the command line asks its own.
fn refuse_two_copies(metadata: &Metadata) -> Result<(), Failure> {
    let copies = metadata
        .packages
        .iter()
        .filter(|p| p.name == "process_runner");
    let copies: Vec<_> = copies.map(|package| &*package.id).collect();
    if copies.len() < 2 {
        return Ok(());
    }
    let message = format!(
        "there are {} copies of process_runner: {}",
        copies.len(),
        copies.join(", ")
    );
    Err(Failure::new(Exit::Failure, message).help(
        "jobs built with one copy are invisible to the other; use one version from one source",
    ))
}

fn names<'a>(package: &'a Package, kind: &str) -> Vec<&'a str> {
    let targets = package.targets.iter();
    targets
        .filter(|target| target.kind.iter().any(|k| k == kind))
        .map(|target| &*target.name)
        .collect()
}

fn is_library(kinds: &[String]) -> bool {
    kinds.iter().any(|kind| kind == "lib" || kind == "rlib")
}

fn no_main(package: &Package) -> Failure {
    let name = &package.name;
    let message = format!(
        "the package `{name}` has no library, and its binary does not depend on process_runner_cli"
    );
    Failure::new(Exit::Failure, message).help(
        "move the jobs into src/lib.rs, or add process_runner_cli to the dependencies and\n\
         `fn main() -> std::process::ExitCode { process_runner_cli::main(App::new()) }`",
    )
}

/// The binary to run: `default-run`, the only one, or the one called like the package.
fn one_of(package: &Package, binaries: &[&str]) -> Result<String, Failure> {
    let has = |name: &str| binaries.contains(&name).then(|| name.to_owned());
    let only = match binaries {
        [only] => Some((*only).to_owned()),
        _ => None,
    };
    package
        .default_run
        .clone()
        .or(only)
        .or_else(|| has(&package.name))
        .ok_or_else(|| {
            let message = format!(
                "the package `{}` has several binaries: {}",
                package.name,
                binaries.join(", ")
            );
            Failure::new(Exit::Failure, message).help(format!(
                "add `default-run = \"{}\"` to its [package] section",
                binaries[0]
            ))
        })
}
