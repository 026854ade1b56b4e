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
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock};

use super::NodeError;
use crate::coordination::CoordinationError;
use crate::embedded::default_data_dir;

/// At most so many processes share a host name on one machine.
const SUFFIXES: u32 = 1000;

/// A name, locked for this process on this machine.
pub(super) struct NodeName {
    pub(super) node: Arc<str>,
    base: String,
    prefix: String,
    suffix: u32,
    _lock: File,
}

/// Locks `wanted`, or the host's name with the first free suffix: `host`, `host-2`, `host-3`, ….
pub(super) fn claim_name(wanted: Option<&str>, prefix: &str) -> Result<NodeName, NodeError> {
    let base = wanted.map_or_else(host_name, str::to_owned);
    match wanted {
        None => with_suffix(base, prefix, 1),
        Some(node) => match try_lock(prefix, node)? {
            Locked::Ours(lock) => Ok(NodeName {
                node: node.into(),
                base,
                prefix: prefix.to_owned(),
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
        *self = with_suffix(self.base.clone(), &self.prefix, self.suffix + 1)?;
        Ok(())
    }
}

fn with_suffix(base: String, prefix: &str, from: u32) -> Result<NodeName, NodeError> {
    for suffix in from..SUFFIXES {
        let node = if suffix == 1 {
            base.clone()
        } else {
            format!("{base}-{suffix}")
        };
        if let Locked::Ours(lock) = try_lock(prefix, &node)? {
            let (node, prefix) = (node.into(), prefix.to_owned());
            return Ok(NodeName {
                node,
                base,
                prefix,
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

fn try_lock(prefix: &str, node: &str) -> Result<Locked, NodeError> {
    let path = lock_path(prefix, node);
    let unusable = |error: std::io::Error| {
        NodeError::Coordination(CoordinationError::Embedded {
            reason: format!("the lock file {} cannot be used: {error}", path.display()),
        })
    };
    if let Some(dir) = path.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(unusable)?;
    }
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

/// Beside the data of an embedded etcd of the same prefix, so that both move together.
fn lock_path(prefix: &str, node: &str) -> PathBuf {
    let file: String = node
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "._-".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    default_data_dir(prefix)
        .join("names")
        .join(format!("{file}.lock"))
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
        let prefix = format!("/test/names/{}", std::process::id());
        let first = claim_name(Some("a"), &prefix).unwrap();
        let second = claim_name(Some("a"), &prefix);
        assert!(matches!(
            second.map(|_| ()),
            Err(NodeError::Coordination(CoordinationError::NameInUse { .. }))
        ));
        drop(first);
        assert!(claim_name(Some("a"), &prefix).is_ok());
        std::fs::remove_dir_all(default_data_dir(&prefix)).unwrap();
    }

    #[test]
    fn a_second_process_of_the_host_gets_a_suffix() {
        let prefix = format!("/test/suffix/{}", std::process::id());
        let first = claim_name(None, &prefix).unwrap();
        let second = claim_name(None, &prefix).unwrap();
        assert_eq!(*second.node, *format!("{}-2", first.node));
        std::fs::remove_dir_all(default_data_dir(&prefix)).unwrap();
    }
}
