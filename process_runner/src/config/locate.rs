//! Which file is meant: `config` also finds `config.yml`, and without a name the usual ones are
//! tried in the current directory.

use std::path::{Path, PathBuf};

use super::problem::{Problem, ProblemKind, Problems};

const USUAL: [&str; 3] = ["config.yml", "config.yaml", "config/process_runner.yml"];

/// The file to read for the argument `path`, seen from `directory`.
pub(super) fn locate(path: Option<&Path>, directory: &Path) -> Result<PathBuf, Problems> {
    let tried: Vec<PathBuf> = match path {
        None => USUAL.iter().map(PathBuf::from).collect(),
        // What exists by that very name is meant, be it a pipe; a directory only if nothing else.
        Some(path) if is_file_like(&directory.join(path)) => return Ok(path.to_owned()),
        Some(path) => {
            let with = |end: &str| {
                let mut name = path.as_os_str().to_owned();
                name.push(end);
                PathBuf::from(name)
            };
            vec![with(".yml"), with(".yaml"), path.join("process_runner.yml")]
        }
    };
    let found = tried
        .iter()
        .find(|tried| is_file_like(&directory.join(tried)));
    match (found, path) {
        (Some(found), _) => Ok(found.clone()),
        // Reading it says best what is wrong with it: a directory, no permission.
        (None, Some(path)) if directory.join(path).symlink_metadata().is_ok() => {
            Ok(path.to_owned())
        }
        (None, _) => Err(missing(path, &tried)),
    }
}

fn is_file_like(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| !metadata.is_dir())
}

fn missing(path: Option<&Path>, tried: &[PathBuf]) -> Problems {
    let names: Vec<String> = tried
        .iter()
        .map(|path| format!("`{}`", path.display()))
        .collect();
    let problem = match path {
        Some(path) => {
            let message = format!("there is no configuration file `{}`", path.display());
            Problem::file("PR0001", message).note(format!("nor {}", names.join(", ")))
        }
        None => Problem::file("PR0001", "there is no configuration file in this directory")
            .note(format!("tried {}", names.join(", ")))
            .help("name one, or write a first one with `pr-cli init`"),
    };
    let path = path.map_or_else(|| PathBuf::from(USUAL[0]), Path::to_owned);
    Problems::unread(ProblemKind::Missing, path, problem)
}
