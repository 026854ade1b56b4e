//! The file: read with a limit, checked to be UTF-8, and able to say where something stands.
//!
//! The YAML parser counts characters; everything that shows a snippet counts bytes. [`Source`]
//! converts once and keeps spans inside one line. It also keeps a masked copy of the text, byte
//! for byte as long, in which the values of secret keys are stars: all snippets come from it.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use saphyr_parser::Marker;

use super::problem::{Position, Problem, ProblemKind, Problems, Span};

/// More than this is no configuration file but a mistake.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A file that was read.
pub(super) struct Source {
    path: PathBuf,
    text: String,
    masked: Vec<u8>,
    /// The byte offset of each character; empty if the text is ASCII and both are the same.
    offsets: Vec<u32>,
}

impl Source {
    /// Reads `path`.
    pub(super) fn read(path: &Path) -> Result<Self, Problems> {
        let bytes = read_limited(path).map_err(|error| unreadable(path, &error))?;
        Self::from_bytes(path, bytes)
    }

    /// Checks that `bytes` are text of a sensible size.
    pub(super) fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self, Problems> {
        let refuse = |problem| {
            let path = path.to_owned();
            Err(Problems::unread(ProblemKind::Unreadable, path, problem))
        };
        if bytes.len() > MAX_BYTES {
            let limit = MAX_BYTES / 1024 / 1024;
            let message = format!("the file is larger than {limit} MiB, which no configuration is");
            return refuse(Problem::file("PR0004", message));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self::new(path, text)),
            Err(error) => refuse(not_utf8(&error)),
        }
    }

    fn new(path: &Path, mut text: String) -> Self {
        // The parser does not count a byte order mark; neither do we.
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        let offsets = if text.is_ascii() {
            Vec::new()
        } else {
            // The size limit keeps an offset far below `u32::MAX`.
            text.char_indices().map(|(at, _)| at as u32).collect()
        };
        Self {
            path: path.to_owned(),
            masked: text.clone().into_bytes(),
            text,
            offsets,
        }
    }

    /// The file, as the user named it.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What it says, secrets included.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Where a marker of the parser stands.
    pub(super) fn position(&self, marker: Marker) -> Position {
        let byte = if self.offsets.is_empty() {
            marker.index().min(self.text.len())
        } else {
            let offset = self.offsets.get(marker.index());
            offset.map_or(self.text.len(), |offset| *offset as usize)
        };
        Position {
            byte,
            line: marker.line().max(1) as u32,
            column: marker.col() as u32 + 1,
        }
    }

    /// The bytes of `range` that stand on its first line, as a span that begins at `start`.
    pub(super) fn span(&self, start: Position, end_byte: usize) -> Span {
        let text = self.text.get(start.byte..end_byte).unwrap_or_default();
        let line = text.lines().next().unwrap_or_default().trim_end();
        let end = Position {
            byte: start.byte + line.len(),
            line: start.line,
            column: start.column + line.chars().count() as u32,
        };
        Span { start, end }
    }

    /// The place of the whole file: its first character.
    pub(super) fn start(&self) -> Span {
        let start = Position {
            byte: 0,
            line: 1,
            column: 1,
        };
        Span { start, end: start }
    }

    /// Puts stars over `range`, except over line ends.
    pub(super) fn mask(&mut self, range: Range<usize>) {
        if let Some(bytes) = self.masked.get_mut(range) {
            for byte in bytes.iter_mut().filter(|byte| !byte.is_ascii_whitespace()) {
                *byte = b'*';
            }
        }
    }

    /// The path and the masked text.
    pub(super) fn into_masked(self) -> (PathBuf, String) {
        // Whole characters were replaced, so this is UTF-8 and nothing is lost.
        let text = String::from_utf8(self.masked).unwrap_or_default();
        (self.path, text)
    }
}

fn read_limited(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too large, even an endless one.
    let limit = MAX_BYTES as u64 + 1;
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(path: &Path, error: &io::Error) -> Problems {
    let (kind, problem) = match error.kind() {
        io::ErrorKind::NotFound => (
            ProblemKind::Missing,
            Problem::file("PR0001", "there is no such configuration file"),
        ),
        io::ErrorKind::IsADirectory => (
            ProblemKind::Unreadable,
            Problem::file("PR0003", "this is a directory, not a configuration file")
                .help("name the file in it"),
        ),
        _ => (
            ProblemKind::Unreadable,
            Problem::file("PR0002", format!("the file cannot be read: {error}")),
        ),
    };
    Problems::unread(kind, path.to_owned(), problem)
}

fn not_utf8(error: &std::string::FromUtf8Error) -> Problem {
    let at = error.utf8_error().valid_up_to();
    let before = error.as_bytes().get(..at).unwrap_or_default();
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let message = format!("the file is not UTF-8: byte {at}, in line {line}, is not");
    let problem = Problem::file("PR0005", message);
    match error.as_bytes() {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            problem.help("it looks like UTF-16; save it as UTF-8")
        }
        _ => problem.help("save it as UTF-8"),
    }
}
