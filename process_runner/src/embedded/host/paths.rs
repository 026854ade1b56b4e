//! Where the data lies and where the socket is.
//!
//! The data directory's name is made from the prefix so that no two prefixes share one. The socket lies in the data
//! directory when its path is short enough for the kernel (108 bytes), else in a short directory of this user's own.

use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::super::error::EmbeddedError;
use super::lock::make_private;

/// The longest socket path, without the zero byte at its end.
const MAX_SOCKET_PATH: usize = 107;

/// The longest name in a directory, with room to spare.
const MAX_NAME: usize = 200;

/// Where the embedded etcd of a prefix keeps its data by default: `process_runner/<prefix>` under `$XDG_STATE_HOME` or
/// `~/.local/state`. Different prefixes never share a directory.
#[must_use]
pub fn default_data_dir(prefix: &str) -> PathBuf {
    let state = std::env::var_os("XDG_STATE_HOME");
    let home = std::env::home_dir().map(PathBuf::into_os_string);
    data_dir(state, home, prefix)
}

fn data_dir(state: Option<OsString>, home: Option<OsString>, prefix: &str) -> PathBuf {
    let absolute = |path: &PathBuf| path.is_absolute();
    let state = state.map(PathBuf::from).filter(absolute);
    let home = home.map(PathBuf::from).filter(absolute);
    let base = state
        .or_else(|| home.map(|home| home.join(".local/state")))
        .unwrap_or_else(|| std::env::temp_dir().join(user_name()));
    base.join("process_runner").join(escape(prefix))
}

/// A relative path that no other prefix has. Letters, digits, `-`, `_` and dots that are not in front stay; every other
/// byte becomes `%` and two hex digits. What is too long for one name goes on in a directory below, and a name that goes
/// on ends in `%+`, which no whole name does.
fn escape(prefix: &str) -> PathBuf {
    if prefix.is_empty() {
        return PathBuf::from("%-");
    }
    let mut path = PathBuf::new();
    let mut name = String::new();
    for (at, byte) in prefix.bytes().enumerate() {
        if name.len() >= MAX_NAME {
            name.push_str("%+");
            path.push(std::mem::take(&mut name));
        }
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            b'.' if at > 0 && !name.is_empty() => name.push('.'),
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    path.push(name);
    path
}

/// Where the socket of a data directory is to be. Makes its directory.
pub(super) fn socket_for(dir: &Path) -> Result<PathBuf, EmbeddedError> {
    let near = dir.join("socket");
    if near.is_absolute() && reachable(&near) {
        return Ok(near);
    }
    let dir = dir
        .canonicalize()
        .map_err(EmbeddedError::io("look at", dir))?;
    let near = dir.join("socket");
    if reachable(&near) {
        return Ok(near);
    }
    let mut hasher = DefaultHasher::new();
    dir.hash(&mut hasher);
    let name = format!("{}-{:016x}", user_name(), hasher.finish());
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let bases = runtime.into_iter().chain([PathBuf::from("/tmp")]);
    short_socket(bases, &name)
}

/// Whether a socket of this name can be bound and dialled: short enough for the kernel, and text for the client.
fn reachable(socket: &Path) -> bool {
    socket.as_os_str().as_bytes().len() <= MAX_SOCKET_PATH && socket.to_str().is_some()
}

/// The socket in the first of `bases` where a private directory can be made.
fn short_socket(
    bases: impl Iterator<Item = PathBuf>,
    name: &str,
) -> Result<PathBuf, EmbeddedError> {
    let mut failed = None;
    for base in bases {
        let dir = base.join(name);
        let socket = dir.join("s");
        if !base.is_absolute() || !reachable(&socket) {
            continue;
        }
        match own_directory(&dir) {
            Ok(()) => return Ok(socket),
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.unwrap_or_else(|| EmbeddedError::Io {
        action: "find a short path for the socket",
        path: PathBuf::from(name),
        source: std::io::ErrorKind::InvalidFilename.into(),
    }))
}

/// Makes a directory for this user alone. One that is there already must be a real directory of this user's: in `/tmp`
/// anybody may have made it.
fn own_directory(dir: &Path) -> Result<(), EmbeddedError> {
    let me = rustix::process::geteuid().as_raw();
    if let Ok(found) = fs::symlink_metadata(dir)
        && (!found.is_dir() || found.uid() != me)
    {
        return Err(EmbeddedError::Io {
            action: "use, as somebody else made it,",
            path: dir.to_owned(),
            source: std::io::ErrorKind::PermissionDenied.into(),
        });
    }
    make_private(dir)
}

fn user_name() -> String {
    format!("process_runner-{}", rustix::process::geteuid().as_raw())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_data_directory_follows_the_xdg_rules() {
        let dir = |state: Option<&str>, home: Option<&str>| {
            data_dir(state.map(Into::into), home.map(Into::into), "p/1")
        };
        let expected = PathBuf::from("/s/process_runner/p%2F1");
        assert_eq!(dir(Some("/s"), Some("/h")), expected);
        let expected = PathBuf::from("/h/.local/state/process_runner/p%2F1");
        assert_eq!(dir(Some("relative"), Some("/h")), expected);
        assert!(dir(None, None).is_absolute());
    }

    #[test]
    fn no_two_prefixes_share_a_directory_and_none_leaves_it() {
        let long = "x".repeat(MAX_NAME);
        let tricky = [
            "",
            ".",
            "..",
            "/",
            "//",
            "a",
            "A",
            "%-",
            "%61",
            "%",
            "a/b",
            "a%2Fb",
            "a.b",
            ".a",
            "\u{e9}",
            &long,
            &format!("{long}y"),
            &format!("{long}%+/y"),
            &format!("{long}/y"),
        ];
        let paths: BTreeSet<_> = tricky.into_iter().map(escape).collect();
        assert_eq!(paths.len(), tricky.len());
        for path in paths {
            let mut parts = path.components();
            assert!(parts.all(|part| matches!(part, std::path::Component::Normal(_))));
            assert!(path.iter().all(|name| name.len() < 255));
        }
    }

    #[test]
    fn a_deep_directory_gets_a_short_socket_elsewhere() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("d".repeat(150));
        make_private(&deep).unwrap();
        let socket = socket_for(&deep).unwrap();
        assert!(socket.as_os_str().len() <= MAX_SOCKET_PATH);
        assert!(!socket.starts_with(root.path()));
        let again = socket_for(&deep).unwrap();
        assert_eq!(socket, again);
        fs::remove_dir(socket.parent().unwrap()).unwrap();
    }

    #[test]
    fn a_directory_that_is_a_link_is_not_used() {
        let root = tempfile::tempdir().unwrap();
        let link = root.path().join("link");
        std::os::unix::fs::symlink("/", &link).unwrap();
        assert!(own_directory(&link).is_err());
    }
}
