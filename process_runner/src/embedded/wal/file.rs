//! The files of a data directory: finding the one in force, reading it, replacing it.
//!
//! There is one log file, `<generation>.log`. A new generation is written beside it as `.tmp`, synced, and renamed into
//! place, then the old one is deleted. A crash in between leaves either the old one, or both, and then the newer counts:
//! it begins with everything the older held.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::super::error::EmbeddedError;
use super::super::store::Store;
use super::codec::read_items;
use super::frame::{self, BadPreamble, Next};
use super::snapshot::{Loader, Setup};

/// A log file that frames can be appended to.
#[derive(Debug)]
pub(super) struct LogFile {
    pub(super) file: File,
    pub(super) path: PathBuf,
    generation: u64,
    /// The number of the next frame.
    pub(super) number: u32,
    pub(super) bytes: u64,
}

impl LogFile {
    /// Appends a frame and waits until it is on disk.
    pub(super) fn append(&mut self, payload: &[u8]) -> std::io::Result<()> {
        let mut out = Vec::with_capacity(payload.len() + 32);
        frame::write(&mut out, payload, self.number);
        self.file.write_all(&out)?;
        self.file.sync_data()?;
        self.number = self.number.wrapping_add(1);
        self.bytes += out.len() as u64;
        Ok(())
    }

    /// Puts a file with these contents in this one's place.
    pub(super) fn replace(&mut self, contents: &[u8], number: u32) -> std::io::Result<()> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let new = create(dir, self.generation + 1, contents, number)?;
        let old = std::mem::replace(self, new);
        // Left over, it would be ignored and deleted at the next start.
        let _ = fs::remove_file(old.path);
        Ok(())
    }
}

/// Writes a new log file with these contents.
pub(super) fn create(
    dir: &Path,
    generation: u64,
    contents: &[u8],
    number: u32,
) -> std::io::Result<LogFile> {
    let path = dir.join(format!("{generation:016x}.log"));
    let draft = path.with_extension("tmp");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(contents)?;
    file.sync_all()?;
    fs::rename(&draft, &path)?;
    File::open(dir)?.sync_all()?;
    Ok(LogFile {
        file,
        path,
        generation,
        number,
        bytes: contents.len() as u64,
    })
}

/// Finds the log file in force and deletes what crashes left behind.
pub(super) fn find(dir: &Path) -> Result<Option<(PathBuf, u64)>, EmbeddedError> {
    let mut logs = Vec::new();
    for entry in fs::read_dir(dir).map_err(EmbeddedError::io("read", dir))? {
        let path = entry.map_err(EmbeddedError::io("read", dir))?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let generation = stem.and_then(|stem| u64::from_str_radix(stem, 16).ok());
        match (extension, generation) {
            (Some("log"), Some(generation)) => logs.push((generation, path)),
            (Some("tmp"), Some(_)) => {
                fs::remove_file(&path).map_err(EmbeddedError::io("delete", &path))?;
            }
            _ => {}
        }
    }
    logs.sort();
    let newest = logs.pop();
    for (_, path) in logs {
        fs::remove_file(&path).map_err(EmbeddedError::io("delete", &path))?;
    }
    Ok(newest.map(|(generation, path)| (path, generation)))
}

/// Reads a log file, cuts a torn tail, and builds the store it describes.
pub(super) fn load(
    path: &Path,
    generation: u64,
    setup: Setup,
) -> Result<(Store, LogFile), EmbeddedError> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(EmbeddedError::io("open", path))?;
    let mut contents = Vec::new();
    file.read_to_end(&mut contents)
        .map_err(EmbeddedError::io("read", path))?;
    let replayed = replay(&contents, setup).map_err(|bad| bad.in_file(path))?;
    if replayed.good < contents.len() {
        tracing::info!(file = %path.display(), at = replayed.good, "cut a write that a crash interrupted");
        cut(&mut file, replayed.good as u64).map_err(EmbeddedError::io("truncate", path))?;
    }
    let log = LogFile {
        file,
        path: path.to_owned(),
        generation,
        number: replayed.number,
        bytes: replayed.good as u64,
    };
    Ok((replayed.store, log))
}

/// Synced before anything is appended, else a crash could leave remains of the torn frame behind a new one.
fn cut(file: &mut File, length: u64) -> std::io::Result<()> {
    use std::io::{Seek as _, SeekFrom};
    file.set_len(length)?;
    file.sync_all()?;
    file.seek(SeekFrom::Start(length))?;
    Ok(())
}

/// What a log file holds.
#[derive(Debug)]
pub(super) struct Replayed {
    pub(super) store: Store,
    /// Where the good frames end.
    pub(super) good: usize,
    number: u32,
}

/// Why a log file cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bad {
    NotALog,
    Newer(u32),
    Damaged(usize, &'static str),
}

impl Bad {
    fn in_file(self, path: &Path) -> EmbeddedError {
        let file = path.to_owned();
        match self {
            Self::NotALog => EmbeddedError::NotALog { file },
            Self::Newer(found) => EmbeddedError::NewerFormat {
                file,
                found,
                supported: frame::VERSION,
            },
            Self::Damaged(offset, what) => EmbeddedError::Damaged {
                file,
                offset: offset as u64,
                what,
            },
        }
    }
}

/// Builds the store a file's contents describe.
pub(super) fn replay(contents: &[u8], setup: Setup) -> Result<Replayed, Bad> {
    frame::check_preamble(contents).map_err(|bad| match bad {
        BadPreamble::Magic => Bad::NotALog,
        BadPreamble::Damaged => Bad::Damaged(0, "a bad file header"),
        BadPreamble::Newer(version) => Bad::Newer(version),
    })?;
    let mut loader = Loader::new(setup);
    let mut at = frame::PREAMBLE;
    let mut number = 0;
    loop {
        match frame::read(contents, at, number) {
            Next::Frame { payload, next } => {
                let items = read_items(&contents[payload])
                    .ok_or(Bad::Damaged(at, "a frame that makes no sense"))?;
                for item in items {
                    loader.take(item).map_err(|what| Bad::Damaged(at, what))?;
                }
                at = next;
                number = number.wrapping_add(1);
            }
            Next::Torn if !loader.complete() => {
                return Err(Bad::Damaged(at, "the snapshot ends early"));
            }
            Next::End | Next::Torn => break,
            Next::Damaged(what) => return Err(Bad::Damaged(at, what)),
        }
    }
    let store = loader
        .into_store()
        .ok_or(Bad::Damaged(at, "the snapshot ends early"))?;
    Ok(Replayed {
        store,
        good: at,
        number,
    })
}
