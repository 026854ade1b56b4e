//! Why an embedded etcd could not be opened. Every message names the file and what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why an embedded etcd could not be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// Another process uses the directory and does not share it.
    Locked {
        /// The directory.
        dir: PathBuf,
        /// The other process, if it is known.
        pid: Option<u32>,
    },
    /// Another process holds the directory, and its socket did not answer in time.
    HostUnreachable {
        /// The directory.
        dir: PathBuf,
        /// The other process, if it is known.
        pid: Option<u32>,
        /// How long this process has tried.
        waited: Duration,
    },
    /// The file is no log of this program.
    NotALog {
        /// The file.
        file: PathBuf,
    },
    /// The file was written by a newer version of this program.
    NewerFormat {
        /// The file.
        file: PathBuf,
        /// The version it has.
        found: u32,
        /// The newest version this program reads.
        supported: u32,
    },
    /// The file is damaged where a crash cannot have damaged it.
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// The system refused.
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl EmbeddedError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

/// What a person can do about a file that cannot be read.
const MOVE_AWAY: &str = "restore it from a backup, or move it away to start with an empty store";

impl fmt::Display for EmbeddedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { dir, pid } => {
                write!(f, "{} is in use by {}", dir.display(), Process(*pid))?;
                write!(f, "; stop it, or choose another data directory")
            }
            Self::HostUnreachable { dir, pid, waited } => {
                write!(f, "{} hosts {}", Process(*pid), dir.display())?;
                write!(f, " but did not answer within {} ms", waited.as_millis())?;
                write!(f, "; if it hangs, end it and try again")
            }
            Self::NotALog { file } => {
                write!(f, "{} is no log of an embedded etcd", file.display())?;
                write!(f, "; {MOVE_AWAY}")
            }
            Self::NewerFormat {
                file,
                found,
                supported,
            } => {
                write!(f, "{} has format {found}", file.display())?;
                write!(f, ", this version reads up to {supported}")?;
                write!(f, "; run the version that wrote it")
            }
            Self::Damaged { file, offset, what } => {
                write!(f, "{} is damaged at byte {offset}: {what}", file.display())?;
                write!(f, "; {MOVE_AWAY}")
            }
            Self::Io {
                action,
                path,
                source,
            } => write!(f, "cannot {action} {}: {source}", path.display()),
        }
    }
}

impl std::error::Error for EmbeddedError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

struct Process(Option<u32>);

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(pid) => write!(f, "process {pid}"),
            None => f.write_str("another process"),
        }
    }
}
