//! What is wrong with a configuration, and where.
//!
//! A [`Problem`] is data: a code, a sentence, the places in the file and what to do about it. How
//! it looks on a terminal or in a CI log is up to whoever shows it; [`Problems`] has a plain
//! `Display` for tests and logs. The source that snippets are cut from has its secrets masked
//! already, so nothing that renders a problem can show one.

mod display;

use std::fmt;
use std::path::PathBuf;

use super::source::Source;

/// A point in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// Offset in bytes, from 0.
    pub byte: usize,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// A stretch of one line of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// Its first character.
    pub start: Position,
    /// Just after its last character.
    pub end: Position,
}

/// A place, and what there is to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// The remark; it may be empty.
    pub text: String,
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing starts.
    Error,
    /// Worth a look; everything starts.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its code, such as `PR0103`; [`explain`](super::explain) has a line about each.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence, without a full stop.
    pub message: String,
    /// Where it is; `None` if it concerns the file as a whole.
    pub primary: Option<Label>,
    /// Other places that matter, such as the first of two duplicates.
    pub secondary: Vec<Label>,
    /// What to do.
    pub help: Option<String>,
    /// What else helps to understand it, such as the list of known keys.
    pub notes: Vec<String>,
}

impl Problem {
    /// An error about the file as a whole.
    pub(super) fn file(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            primary: None,
            secondary: Vec::new(),
            help: None,
            notes: Vec::new(),
        }
    }

    /// An error at a place.
    pub(super) fn at(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self::file(code, message).label(span, "")
    }

    /// Puts the primary label.
    pub(super) fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        let text = text.into();
        self.primary = Some(Label { span, text });
        self
    }

    /// Adds another place.
    pub(super) fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        let text = text.into();
        self.secondary.push(Label { span, text });
        self
    }

    /// Adds what to do.
    pub(super) fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Adds a note.
    pub(super) fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Makes a warning of it.
    pub(super) fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// What problems are sorted by: those about the whole file come first.
    fn order(&self) -> (Option<Position>, Severity, &'static str) {
        let start = self.primary.as_ref().map(|label| label.span.start);
        (start, self.severity, self.code)
    }
}

/// What kind of failure it is: a script may treat a missing file unlike a wrong one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// There is no configuration file.
    Missing,
    /// There is one, and it cannot be read.
    Unreadable,
    /// It was read, and what it says is wrong.
    Invalid,
}

/// Everything that is wrong with a file, in its order, and the source to cut snippets from.
#[derive(Debug, Clone)]
pub struct Problems {
    /// What kind of failure it is.
    pub kind: ProblemKind,
    /// The file, as the user named it.
    pub path: PathBuf,
    /// The file's text with its secrets masked, byte for byte as long; empty if it was not read.
    pub text: String,
    /// The problems, by position. At most [`Problems::LIMIT`].
    pub list: Vec<Problem>,
    /// How many more there are.
    pub omitted: usize,
}

impl Problems {
    /// How many problems are kept. Whoever has more fixes these first.
    pub const LIMIT: usize = 100;

    /// The problems of a file that was not read.
    pub(super) fn unread(kind: ProblemKind, path: PathBuf, problem: Problem) -> Self {
        let list = vec![problem];
        Self {
            kind,
            path,
            text: String::new(),
            list,
            omitted: 0,
        }
    }

    /// The problems of a file that was read.
    pub(super) fn of(source: Source, mut list: Vec<Problem>) -> Self {
        list.sort_by(|a, b| a.order().cmp(&b.order()));
        list.dedup();
        let omitted = list.len().saturating_sub(Self::LIMIT);
        // An error must not hide behind a hundred warnings.
        if omitted > 0 {
            list.sort_by_key(|problem| problem.severity);
            list.truncate(Self::LIMIT);
            list.sort_by(|a, b| a.order().cmp(&b.order()));
        }
        let (path, text) = source.into_masked();
        Self {
            kind: ProblemKind::Invalid,
            path,
            text,
            list,
            omitted,
        }
    }

    /// Whether one of them is an error.
    pub fn has_errors(&self) -> bool {
        self.list
            .iter()
            .any(|problem| problem.severity == Severity::Error)
    }

    /// Line `number`, from 1, without its end.
    pub fn line(&self, number: u32) -> &str {
        let index = (number as usize).saturating_sub(1);
        self.text.lines().nth(index).unwrap_or_default()
    }
}

impl std::error::Error for Problems {}
