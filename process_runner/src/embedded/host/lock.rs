//! The lock file: the lock that decides, and the hint that helps.
//!
//! The hint is written in one go and ends with a line `end`, so that a reader who comes in the middle of a write knows.
//! It is never trusted: a pid is only shown to people, a socket is only tried.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::Read as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{
    DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::super::error::EmbeddedError;

/// What a host says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It is about to serve.
    Starting,
    /// It serves on its socket.
    Serving,
    /// It keeps the store to itself.
    Private,
    /// Nobody has said anything readable.
    Unknown,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Serving => "serving",
            Self::Private => "private",
            Self::Unknown => "unknown",
        }
    }

    fn of(word: &str) -> Self {
        let all = [Self::Starting, Self::Serving, Self::Private];
        let found = all.into_iter().find(|state| state.word() == word);
        found.unwrap_or(Self::Unknown)
    }
}

/// What the lock file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hint {
    pub(super) state: State,
    pub(super) pid: Option<u32>,
    pub(super) socket: Option<PathBuf>,
}

/// The outcome of a try.
pub(super) enum Taken {
    Mine(DirLock),
    Others(Hint),
}

/// A locked directory. Free again when dropped, or when the process dies.
#[derive(Debug)]
pub(crate) struct DirLock {
    file: File,
    path: PathBuf,
    socket: Option<PathBuf>,
}

/// Writes the hint of a lock that is held elsewhere.
pub(super) struct Announcer {
    file: File,
    path: PathBuf,
}

/// Makes the directory if need be and tries to lock it.
pub(super) fn take(dir: &Path) -> Result<Taken, EmbeddedError> {
    make_private(dir)?;
    let path = dir.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(EmbeddedError::io("open", &path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Taken::Mine(DirLock {
            file,
            path,
            socket: None,
        })),
        Err(Errno::WOULDBLOCK) => {
            let mut text = Vec::new();
            file.read_to_end(&mut text)
                .map_err(EmbeddedError::io("read", &path))?;
            Ok(Taken::Others(Hint::parse(&text)))
        }
        Err(errno) => Err(EmbeddedError::io("lock", &path)(errno.into())),
    }
}

/// A directory for this user alone, which is still there after a power cut.
pub(super) fn make_private(dir: &Path) -> Result<(), EmbeddedError> {
    let missing = dir.ancestors().take_while(|part| !part.exists());
    let parents: Vec<_> = missing.filter_map(Path::parent).collect();
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder
        .create(dir)
        .map_err(EmbeddedError::io("create", dir))?;
    for parent in parents {
        // A relative path begins in the current directory, which has no name here.
        let parent = if parent == Path::new("") {
            Path::new(".")
        } else {
            parent
        };
        File::open(parent)
            .and_then(|parent| parent.sync_all())
            .map_err(EmbeddedError::io("sync", parent))?;
    }
    let mode = fs::metadata(dir)
        .map_err(EmbeddedError::io("look at", dir))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(dir, Permissions::from_mode(0o700))
            .map_err(EmbeddedError::io("make private", dir))?;
    }
    Ok(())
}

impl DirLock {
    /// Says in the lock file what this process does.
    pub(super) fn say(&self, state: State, socket: Option<&Path>) -> Result<(), EmbeddedError> {
        write_hint(&self.file, &self.path, state, socket)
    }

    /// Something to announce with after the lock itself was handed on.
    pub(super) fn try_clone(&self) -> Result<Announcer, EmbeddedError> {
        // A second opening, not a duplicate: the lock must end with the one that holds it.
        let file = OpenOptions::new()
            .write(true)
            .open(&self.path)
            .map_err(EmbeddedError::io("open", &self.path))?;
        let path = self.path.clone();
        Ok(Announcer { file, path })
    }

    /// The lock file, to look at.
    pub(crate) fn sentinel(&self) -> Result<File, EmbeddedError> {
        File::open(&self.path).map_err(EmbeddedError::io("open", &self.path))
    }

    /// The socket is removed with the lock.
    pub(super) fn with_socket(mut self, socket: PathBuf) -> Self {
        self.socket = Some(socket);
        self
    }
}

impl Announcer {
    pub(super) fn say(&self, state: State, socket: Option<&Path>) -> Result<(), EmbeddedError> {
        write_hint(&self.file, &self.path, state, socket)
    }
}

impl Drop for DirLock {
    fn drop(&mut self) {
        // Where the directory was deleted, what lies there now is another host's.
        let in_place = self.file.metadata().is_ok_and(|file| file.nlink() > 0);
        // The hint of nobody is no hint, and a socket of nobody would only be refused: neither is needed for safety.
        if let Some(socket) = self.socket.as_ref().filter(|_| in_place) {
            let _ = fs::remove_file(socket);
        }
        let _ = self.file.set_len(0);
    }
}

fn write_hint(
    file: &File,
    path: &Path,
    state: State,
    socket: Option<&Path>,
) -> Result<(), EmbeddedError> {
    let mut text = format!("{}\n{}\n", state.word(), std::process::id()).into_bytes();
    if let Some(socket) = socket {
        text.extend_from_slice(socket.as_os_str().as_bytes());
    }
    text.extend_from_slice(b"\nend\n");
    file.set_len(0)
        .and_then(|()| file.write_all_at(&text, 0))
        .map_err(EmbeddedError::io("write", path))
}

impl Hint {
    fn parse(text: &[u8]) -> Self {
        let unknown = Self {
            state: State::Unknown,
            pid: None,
            socket: None,
        };
        let Some(text) = text.strip_suffix(b"\nend\n") else {
            return unknown;
        };
        let mut lines = text.splitn(3, |&byte| byte == b'\n');
        let mut line = || lines.next().unwrap_or_default();
        let state = State::of(&String::from_utf8_lossy(line()));
        let pid = String::from_utf8_lossy(line()).parse().ok();
        let socket = line().to_vec();
        Self {
            state,
            pid,
            socket: (!socket.is_empty())
                .then(|| PathBuf::from(std::ffi::OsString::from_vec(socket))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_takes_the_lock_and_the_other_reads_the_hint() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a/b");
        let Taken::Mine(lock) = take(&inner).unwrap() else {
            panic!("a new directory is free");
        };
        let socket = inner.join("line\nbreak.sock");
        lock.say(State::Serving, Some(&socket)).unwrap();
        let Taken::Others(hint) = take(&inner).unwrap() else {
            panic!("taken twice");
        };
        let expected = Hint {
            state: State::Serving,
            pid: Some(std::process::id()),
            socket: Some(socket),
        };
        assert_eq!(hint, expected);
        drop(lock);
        assert!(matches!(take(&inner).unwrap(), Taken::Mine(_)));
    }

    #[test]
    fn directory_and_files_are_for_this_user_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        let _lock = take(dir.path()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(dir.path()), 0o700);
        assert_eq!(mode(&dir.path().join("lock")), 0o600);
    }

    #[test]
    fn half_a_hint_is_none() {
        let whole = b"serving\n12\n/a/b\nend\n";
        for cut in 0..whole.len() {
            assert_eq!(Hint::parse(&whole[..cut]).state, State::Unknown);
        }
        assert_eq!(Hint::parse(whole).pid, Some(12));
    }
}
