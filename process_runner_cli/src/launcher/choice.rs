//! Which app it is, by the first of these that is there: `--app`, `PR_APP`, `app:` in the
//! configuration, the cargo package around the configuration.

use std::path::{Path, PathBuf};

use process_runner::config::AppSource;

use super::cargo;
use super::package::{self, Found};
use super::target::{self, Target};
use crate::args::AppArgs;
use crate::exit::{Exit, Failure};

/// What was chosen, and a few words that say why.
#[derive(Debug)]
pub(super) enum Choice {
    /// This executable.
    Executable { path: PathBuf, why: String },
    /// What cargo builds from a package.
    Package { target: Target, why: String },
    /// There is none.
    None { why: String },
}

pub(super) fn choose(
    arguments: &AppArgs,
    config: &Path,
    source: Option<&AppSource>,
) -> Result<Choice, Failure> {
    if let Some(path) = &arguments.app {
        return executable(path, "--app".to_owned());
    }
    if let Some(path) = std::env::var_os("PR_APP").filter(|path| !path.is_empty()) {
        return executable(Path::new(&path), "PR_APP".to_owned());
    }
    let directory = directory_of(config);
    match source {
        Some(AppSource::Path(path)) => executable(path, format!("`app:` in {}", config.display())),
        Some(AppSource::Package(name)) => named(name, &directory, config),
        None => around(&directory, config),
    }
}

/// Absolute, so that cargo may run elsewhere.
fn directory_of(config: &Path) -> PathBuf {
    let directory = match config.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    directory
        .canonicalize()
        .unwrap_or_else(|_| directory.to_owned())
}

fn executable(path: &Path, why: String) -> Result<Choice, Failure> {
    // A name without a slash is a file here, not a program on the PATH.
    let path = Path::new(".").join(path);
    if path.is_file() {
        return Ok(Choice::Executable { path, why });
    }
    let what = if path.is_dir() {
        "is a directory"
    } else {
        "does not exist"
    };
    let message = format!("the app {} (from {why}) {what}", path.display());
    Err(Failure::new(Exit::Failure, message)
        .help("name an executable that calls `process_runner_cli::main`; has it been built?"))
}

/// The package that `app:` names.
fn named(name: &str, directory: &Path, config: &Path) -> Result<Choice, Failure> {
    let place = config.display();
    let Some(manifest) = cargo::manifest_above(directory) else {
        let message = format!(
            "`app:` in {place} names the package `{name}`, and there is no Cargo.toml here or above"
        );
        return Err(Failure::new(Exit::Failure, message).help(
            "where there is no source, name the executable: `app: { path: ./my-app }`, or --app",
        ));
    };
    let metadata = cargo::metadata(&manifest)?;
    let package = package::named(&metadata, name)?;
    let target = target::of(&metadata, package)?;
    let why = format!("package {name}, from `app:` in {place}");
    Ok(Choice::Package { target, why })
}

/// The package around the configuration.
fn around(directory: &Path, config: &Path) -> Result<Choice, Failure> {
    let place = config.display();
    let Some(manifest) = cargo::manifest_above(directory) else {
        let why = format!("no --app, PR_APP or `app:`, and no cargo package around {place}");
        return Ok(Choice::None { why });
    };
    let metadata = cargo::metadata(&manifest)?;
    match package::around(&metadata, &manifest)? {
        Found::App(package) => Ok(Choice::Package {
            target: target::of(&metadata, package)?,
            why: format!("package {}, the one around {place}", package.name),
        }),
        Found::Nothing { why } => Ok(Choice::None { why }),
    }
}
