//! The files of a tree: regular ones only, symbolic links not followed.

use std::io;
use std::path::{Path, PathBuf};

/// A file that was found, or a directory that cannot be read, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// Why nothing can be found below it; `None` for a file.
    pub error: Option<String>,
}

/// Lists the regular files below `source`, in the order of their names.
///
/// # Errors
///
/// If `source` itself cannot be read. A directory further down that cannot be read is listed with
/// its error, and the rest of the tree goes on.
pub async fn list(source: &Path) -> io::Result<Vec<Found>> {
    let source = std::path::absolute(source)?;
    tokio::task::spawn_blocking(move || list_now(&source)).await?
}

fn list_now(source: &Path) -> io::Result<Vec<Found>> {
    std::fs::read_dir(source)
        .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", source.display())))?;
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(source).sort_by_file_name() {
        match entry {
            Ok(entry) if entry.file_type().is_file() => found.push(Found {
                path: entry.into_path(),
                error: None,
            }),
            Ok(_) => {}
            Err(error) => found.push(Found {
                path: error.path().unwrap_or(source).to_owned(),
                error: Some(error.to_string()),
            }),
        }
    }
    Ok(found)
}

/// Where cargo unpacks the sources of dependencies: thousands of files on every Rust machine.
pub fn unpacked_dependencies() -> PathBuf {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .unwrap_or_default();
    home.join("registry").join("src")
}
