//! PostgreSQL, for the second store of the main example.

use std::path::{Path, PathBuf};

use super::{fetch, from_environment, on_path};
use crate::error::{Error, Result};

/// The folder with `initdb` and `postgres`. Tests start a server of their own from it.
pub(super) fn binaries() -> Result<PathBuf> {
    find()
        .or_else(|| {
            fetch::install_debian_postgres().then(find).flatten()
        })
        .ok_or(Error::Missing {
            program: "PostgreSQL",
            advice: "install it (Debian: apt-get install postgresql), or set PR_POSTGRES_BIN to the \
                     folder with initdb",
        })
}

fn find() -> Option<PathBuf> {
    // A link on the PATH may stand there alone: the other programs are where it leads.
    let on_path =
        on_path("initdb").filter_map(|file| Some(file.canonicalize().ok()?.parent()?.to_owned()));
    from_environment("PR_POSTGRES_BIN")
        .into_iter()
        .chain(on_path)
        .chain(debian_versions())
        .find(|dir| dir.join("initdb").is_file() && dir.join("postgres").is_file())
}

/// Debian keeps the servers off the PATH, one folder per version. The newest comes first.
fn debian_versions() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(Path::new("/usr/lib/postgresql"));
    let mut versions: Vec<PathBuf> = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    versions.sort();
    versions.reverse();
    versions
}
