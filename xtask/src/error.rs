//! Why a task did not succeed, in one line that says what to do.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitStatus;

/// The result of every step of a task.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Why a task ended early.
#[derive(Debug)]
pub(crate) enum Error {
    /// A program is not there and could not be fetched.
    Missing {
        program: &'static str,
        advice: &'static str,
    },
    /// A program was started and failed.
    Failed { what: String, status: ExitStatus },
    /// A file or a program could not be used.
    Io { what: String, source: io::Error },
    /// The task's own finding.
    Found(String),
}

impl Error {
    /// For `map_err`: an I/O error at `path`.
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let what = path.display().to_string();
        move |source| Self::Io { what, source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { program, advice } => write!(f, "{program} is needed: {advice}"),
            Self::Failed { what, status } => write!(f, "{what}: {status}"),
            Self::Io { what, source } => write!(f, "{what}: {source}"),
            Self::Found(finding) => f.write_str(finding),
        }
    }
}

impl std::error::Error for Error {}
