//! Where process_runner comes from, and so where its command line comes from.

use toml::{Table, Value};

use super::super::cargo::{Metadata, Package};
use crate::exit::{Exit, Failure};

/// How cargo names the public registry of Rust packages, whatever protocol it speaks to it.
const PUBLIC: &str = concat!("registry+https://github.com/rust-lang/crates", ".io-index");

/// The dependencies of the generated package, as in its manifest.
#[derive(Debug, PartialEq)]
pub(super) struct Sources {
    pub(super) runtime: Table,
    pub(super) command_line: Table,
}

/// The source of the one copy of process_runner in the graph.
pub(super) fn of(metadata: &Metadata) -> Result<Sources, Failure> {
    let runtime = metadata
        .packages
        .iter()
        .find(|p| p.name == "process_runner");
    let Some(runtime) = runtime else {
        return Err(Failure::new(
            Exit::Internal,
            "process_runner is not among the packages that cargo names",
        ));
    };
    match runtime.source.as_deref() {
        None => by_path(runtime),
        Some(source) => match by_source(source, &runtime.version) {
            Some(table) => Ok(Sources {
                runtime: table.clone(),
                command_line: table,
            }),
            None => {
                let message =
                    format!("process_runner comes from `{source}`, which is not understood");
                Err(Failure::new(Exit::Failure, message)
                    .help("write a main of your own that calls `process_runner_cli::main`"))
            }
        },
    }
}

/// A checkout: the command line is the folder beside it.
fn by_path(runtime: &Package) -> Result<Sources, Failure> {
    let directory = runtime.manifest_path.parent();
    let sibling = directory
        .and_then(|directory| directory.parent())
        .map(|parent| parent.join("process_runner_cli"))
        .filter(|sibling| sibling.join("Cargo.toml").is_file());
    let (Some(directory), Some(sibling)) = (directory, sibling) else {
        let place = runtime.manifest_path.display();
        let message = format!("process_runner is {place}, and process_runner_cli is not beside it");
        return Err(Failure::new(Exit::Failure, message)
            .help("put it there, or write a main of your own that calls it"));
    };
    let table = |path: &std::path::Path| entry("path", path.display().to_string());
    Ok(Sources {
        runtime: table(directory),
        command_line: table(&sibling),
    })
}

/// `git+URL?branch=B#commit`, `registry+URL`, `sparse+URL`.
fn by_source(source: &str, version: &str) -> Option<Table> {
    if let Some(git) = source.strip_prefix("git+") {
        let url = git.split('#').next()?;
        let (url, query) = url.split_once('?').unwrap_or((url, ""));
        let mut table = entry("git", url.to_owned());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=')?;
            if !["branch", "tag", "rev"].contains(&key) {
                return None;
            }
            table.insert(key.to_owned(), Value::String(value.to_owned()));
        }
        return Some(table);
    }
    let exactly = entry("version", format!("={version}"));
    match source {
        // Without an index, a dependency means this one.
        PUBLIC => Some(exactly),
        _ => {
            let index = source
                .strip_prefix("registry+")
                .or_else(|| source.starts_with("sparse+").then_some(source))?;
            let mut table = exactly;
            table.insert("registry-index".to_owned(), Value::String(index.to_owned()));
            Some(table)
        }
    }
}

fn entry(key: &str, value: String) -> Table {
    Table::from_iter([(key.to_owned(), Value::String(value))])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(source: &str) -> Option<String> {
        by_source(source, "0.1.0").map(|table| table.to_string())
    }

    #[test]
    fn the_command_line_comes_from_where_the_runtime_comes_from() {
        assert_eq!(source(PUBLIC).unwrap(), "version = \"=0.1.0\"\n");
        let git = source("git+https://host/repo?branch=main#0123abc").unwrap();
        assert_eq!(git, "branch = \"main\"\ngit = \"https://host/repo\"\n");
        let git = source("git+https://host/repo#0123abc").unwrap();
        assert_eq!(git, "git = \"https://host/repo\"\n");
        let own = source("sparse+https://host/index/").unwrap();
        assert!(
            own.contains("registry-index = \"sparse+https://host/index/\""),
            "{own}"
        );
        assert_eq!(source("svn+https://host"), None);
    }
}
