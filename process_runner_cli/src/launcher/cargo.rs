//! Asking cargo what is there: the part of `cargo metadata` that the launcher needs.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::exit::{Exit, Failure};

/// The answer of `cargo metadata`.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    pub(super) packages: Vec<Package>,
    pub(super) workspace_members: Vec<String>,
    pub(super) workspace_root: PathBuf,
    pub(super) target_directory: PathBuf,
    pub(super) resolve: Option<Resolve>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Package {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) manifest_path: PathBuf,
    /// Where it comes from; `None` for a path.
    pub(super) source: Option<String>,
    pub(super) targets: Vec<PackageTarget>,
    pub(super) default_run: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PackageTarget {
    pub(super) name: String,
    pub(super) kind: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Resolve {
    pub(super) nodes: Vec<ResolvedNode>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ResolvedNode {
    pub(super) id: String,
    pub(super) deps: Vec<ResolvedDependency>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ResolvedDependency {
    pub(super) pkg: String,
    pub(super) dep_kinds: Vec<DependencyKind>,
}

#[derive(Debug, Deserialize)]
pub(super) struct DependencyKind {
    /// `None` for a normal dependency.
    pub(super) kind: Option<String>,
}

impl Metadata {
    /// The packages that `package` depends on by itself, tests and build scripts left out.
    pub(super) fn dependencies(&self, package: &Package) -> Vec<&Package> {
        let nodes = self.resolve.iter().flat_map(|resolve| &resolve.nodes);
        let node = nodes.into_iter().find(|node| node.id == package.id);
        let normal = |dep: &&ResolvedDependency| dep.dep_kinds.iter().any(|d| d.kind.is_none());
        let deps = node.into_iter().flat_map(|node| &node.deps).filter(normal);
        deps.filter_map(|dep| self.packages.iter().find(|p| p.id == dep.pkg))
            .collect()
    }

    /// The packages of the workspace.
    pub(super) fn members(&self) -> impl Iterator<Item = &Package> {
        let packages = self.packages.iter();
        packages.filter(|package| self.workspace_members.contains(&package.id))
    }
}

/// The nearest `Cargo.toml` in `directory` or above.
pub(super) fn manifest_above(directory: &Path) -> Option<PathBuf> {
    directory
        .ancestors()
        .map(|directory| directory.join("Cargo.toml"))
        .find(|manifest| manifest.is_file())
}

/// The cargo that runs this, else the one on the PATH.
pub(super) fn program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Why cargo could not be started.
pub(super) fn not_started(error: &std::io::Error) -> Failure {
    match error.kind() {
        ErrorKind::NotFound => Failure::new(
            Exit::Failure,
            "cargo is not installed, so the app cannot be built",
        )
        .help(
            "install Rust (https://rustup.rs), or name an executable that was built elsewhere: \
             --app PATH",
        ),
        _ => Failure::new(Exit::Failure, format!("cargo cannot be started: {error}")),
    }
}

/// Runs `cargo metadata` for a manifest. Its progress and its errors go to stderr.
pub(super) fn metadata(manifest: &Path) -> Result<Metadata, Failure> {
    let mut command = Command::new(program());
    command
        .args(["metadata", "--format-version", "1", "--manifest-path"])
        .arg(manifest)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    if let Some(directory) = manifest.parent() {
        // A toolchain file or a configuration of cargo may be there.
        command.current_dir(directory);
    }
    let answer = command.output().map_err(|error| not_started(&error))?;
    if !answer.status.success() {
        let message = format!("cargo does not understand {}", manifest.display());
        return Err(Failure::new(Exit::Failure, message)
            .help("cargo's own message is above; --app PATH does without cargo"));
    }
    serde_json::from_slice(&answer.stdout).map_err(|error| {
        let message = format!("the answer of `cargo metadata` is not understood: {error}");
        Failure::new(Exit::Internal, message)
    })
}
