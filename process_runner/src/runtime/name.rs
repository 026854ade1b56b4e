//! The node's name, and the lock that tells a dead namesake on this machine from a living one.
//!
//! The kernel frees a file lock when the process that holds it ends, however it ends. So whoever
//! gets the lock of a name knows that no process of this user on this machine runs under it, even
//! inside a container, where process ids say nothing. A member key of that name can then only be
//! held by the lease of a dead process (or by another machine, which renews it and so is told
//! apart by time).

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock};

use super::NodeError;
use crate::config::{Coordination, check_name};
use crate::coordination::CoordinationError;
use crate::embedded::default_data_dir;

/// At most so many processes share a host name on one machine.
const SUFFIXES: u32 = 1000;

/// A name, locked for this process on this machine.
pub(super) struct NodeName {
    pub(super) node: Arc<str>,
    base: String,
    dir: PathBuf,
    suffix: u32,
    _lock: File,
}

/// Where the locks of the names under a prefix are: beside the data of an embedded etcd of the same
/// prefix, so that both move together.
pub(super) fn names_dir(coordination: &Coordination) -> PathBuf {
    let chosen = match coordination {
        Coordination::Embedded(config) => config.data_dir.clone(),
        Coordination::Etcd(_) => None,
    };
    chosen
        .unwrap_or_else(|| default_data_dir(coordination.prefix()))
        .join("names")
}

/// Locks `wanted`, or the host's name with the first free suffix: `host`, `host-2`, `host-3`, ….
pub(super) fn claim_name(wanted: Option<&str>, dir: &Path) -> Result<NodeName, NodeError> {
    if let Some(node) = wanted {
        let checked = check_name(node);
        checked.map_err(|source| NodeError::Name {
            node: node.to_owned(),
            source,
        })?;
    }
    let base = wanted.map_or_else(host_name, str::to_owned);
    match wanted {
        None => with_suffix(base, dir, 1),
        Some(node) => match try_lock(dir, node)? {
            Locked::Ours(lock) => Ok(NodeName {
                node: node.into(),
                base,
                dir: dir.to_owned(),
                suffix: 1,
                _lock: lock,
            }),
            Locked::Theirs { pid } => Err(NodeError::Coordination(CoordinationError::NameInUse {
                node: node.to_owned(),
                holder: format!("process {pid} on this machine"),
            })),
        },
    }
}

impl NodeName {
    /// Goes on to the next free suffix.
    pub(super) fn next_suffix(&mut self) -> Result<(), NodeError> {
        *self = with_suffix(self.base.clone(), &self.dir.clone(), self.suffix + 1)?;
        Ok(())
    }
}

fn with_suffix(base: String, dir: &Path, from: u32) -> Result<NodeName, NodeError> {
    for suffix in from..SUFFIXES {
        let node = if suffix == 1 {
            base.clone()
        } else {
            format!("{base}-{suffix}")
        };
        if let Locked::Ours(lock) = try_lock(dir, &node)? {
            let (node, dir) = (node.into(), dir.to_owned());
            return Ok(NodeName {
                node,
                base,
                dir,
                suffix,
                _lock: lock,
            });
        }
    }
    Err(NodeError::Coordination(CoordinationError::NameInUse {
        node: base,
        holder: format!("{SUFFIXES} processes on this machine"),
    }))
}

enum Locked {
    Ours(File),
    Theirs { pid: String },
}

fn try_lock(dir: &Path, node: &str) -> Result<Locked, NodeError> {
    let path = dir.join(lock_file(node));
    let unusable = |error: std::io::Error| {
        NodeError::Coordination(CoordinationError::Embedded {
            reason: format!("the lock file {} cannot be used: {error}", path.display()),
        })
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(unusable)?;
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(unusable)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {
            file.set_len(0).map_err(unusable)?;
            file.rewind().map_err(unusable)?;
            write!(file, "{}", std::process::id()).map_err(unusable)?;
            Ok(Locked::Ours(file))
        }
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut pid = String::new();
            // The number is for a message only.
            if file.read_to_string(&mut pid).is_err() || pid.is_empty() {
                pid = "unknown".to_owned();
            }
            Ok(Locked::Theirs { pid })
        }
        Err(error) => Err(unusable(error.into())),
    }
}

fn lock_file(node: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let name: String = node
        .chars()
        .map(|c| if safe(c) { c } else { '_' })
        .collect();
    format!("{name}.lock")
}

/// The host's name up to its first dot; `node` if it has none that can be used.
pub(super) fn host_name() -> String {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let short = name.split('.').next().unwrap_or_default();
    let clean: String = short
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "_-".contains(*c))
        .collect();
    if clean.is_empty() {
        "node".to_owned()
    } else {
        clean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_locked_once_and_free_again_after_its_holder() {
        let dir = tempfile::tempdir().unwrap();
        let first = claim_name(Some("a"), dir.path()).unwrap();
        let second = claim_name(Some("a"), dir.path()).map(|_| ());
        assert!(matches!(
            second,
            Err(NodeError::Coordination(CoordinationError::NameInUse { .. }))
        ));
        drop(first);
        assert!(claim_name(Some("a"), dir.path()).is_ok());
    }

    #[test]
    fn what_is_no_name_is_refused_and_leaves_no_lock() {
        let dir = tempfile::tempdir().unwrap();
        for node in ["", "a b", "../a", "a/b", &"n".repeat(101)] {
            let refused = claim_name(Some(node), dir.path()).map(|_| ());
            let Err(error @ NodeError::Name { .. }) = refused else {
                panic!("{node:?}: {refused:?}")
            };
            assert!(error.to_string().contains("a name is 1 to 100"), "{error}");
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_second_process_of_the_host_gets_a_suffix() {
        let dir = tempfile::tempdir().unwrap();
        let first = claim_name(None, dir.path()).unwrap();
        let mut second = claim_name(None, dir.path()).unwrap();
        assert_eq!(*second.node, *format!("{}-2", first.node));
        second.next_suffix().unwrap();
        assert_eq!(*second.node, *format!("{}-3", first.node));
    }
}
