//! The parser's events, in the words of this module.
//!
//! Keeps what is odd about the parser in one place: its spans count characters, run over trailing
//! comments and newlines, and its messages speak of its insides.

use saphyr_parser::{Event as Raw, Parser, ScalarStyle, ScanError, StrInput, Tag};

use crate::config::problem::{Position, Problem, Span};
use crate::config::source::Source;

/// How deep lists and mappings may nest.
pub(super) const MAX_DEPTH: u32 = 128;

/// A problem behind which nothing can be known.
pub(super) type Fatal = Box<Problem>;

/// What happens next in the file.
pub(super) enum Event {
    /// A scalar.
    Scalar {
        text: String,
        plain: bool,
        tag: Option<String>,
        anchor: usize,
        span: Span,
        /// Where it really ends, which may be lines below its span.
        end_byte: usize,
    },
    /// `*name`.
    Alias { anchor: usize, span: Span },
    /// A list or a mapping begins.
    Open {
        map: bool,
        tag: Option<String>,
        anchor: usize,
        span: Span,
    },
    /// The innermost list or mapping ends.
    Close,
    /// A document begins.
    Document { span: Span },
    /// There is nothing more.
    End,
}

/// The events of one file.
pub(super) struct Events<'s> {
    source: &'s Source,
    parser: Parser<'s, StrInput<'s>>,
}

impl<'s> Events<'s> {
    pub(super) fn of(source: &'s Source) -> Self {
        let parser = Parser::new_from_str(source.text());
        Self { source, parser }
    }

    /// The next event. After an error there is none.
    pub(super) fn next(&mut self) -> Result<Event, Fatal> {
        loop {
            let Some(event) = self.parser.next_event() else {
                return Ok(Event::End);
            };
            let (event, span) = event.map_err(|error| syntax(self.source, &error))?;
            let start = self.source.position(span.start);
            let end_byte = self.source.position(span.end).byte;
            if let Some(event) = self.translate(event, start, end_byte) {
                return Ok(event);
            }
        }
    }

    fn translate(&self, event: Raw<'_>, start: Position, end_byte: usize) -> Option<Event> {
        let span = self.source.span(start, end_byte);
        Some(match event {
            Raw::Nothing | Raw::StreamStart | Raw::DocumentEnd => return None,
            Raw::StreamEnd => Event::End,
            Raw::DocumentStart(_) => Event::Document { span },
            Raw::Alias(anchor) => Event::Alias { anchor, span },
            Raw::Scalar(text, style, anchor, tag) => {
                let end_byte = scalar_end(self.source.text(), style, start.byte, end_byte);
                Event::Scalar {
                    text: text.into_owned(),
                    plain: style == ScalarStyle::Plain,
                    tag: tag.map(|tag| name(&tag)),
                    anchor,
                    span: self.source.span(start, end_byte),
                    end_byte,
                }
            }
            Raw::SequenceStart(anchor, tag) => open(false, anchor, tag.as_deref(), span),
            Raw::MappingStart(anchor, tag) => open(true, anchor, tag.as_deref(), span),
            Raw::SequenceEnd | Raw::MappingEnd => Event::Close,
        })
    }
}

fn open(map: bool, anchor: usize, tag: Option<&Tag>, span: Span) -> Event {
    let tag = tag.map(name);
    Event::Open {
        map,
        tag,
        anchor,
        span,
    }
}

/// `int` for `!!int`, and anything else as written.
fn name(tag: &Tag) -> String {
    if tag.is_yaml_core_schema() {
        tag.suffix.clone()
    } else {
        tag.to_string()
    }
}

/// Where a scalar ends: the parser's end of a quoted one may lie behind a comment.
fn scalar_end(text: &str, style: ScalarStyle, start: usize, end: usize) -> usize {
    let written = text.get(start..end).unwrap_or_default();
    let quote = match style {
        ScalarStyle::SingleQuoted => '\'',
        ScalarStyle::DoubleQuoted => '"',
        _ => return start + written.trim_end().len(),
    };
    let mut escaped = false;
    for (at, char) in written.char_indices().skip(1) {
        // A doubled single quote closes and opens again, which the last quote settles.
        match char {
            '\\' if quote == '"' && !escaped => escaped = true,
            _ if char == quote && !escaped => {
                let after = &written[at + 1..];
                if quote == '"' || !after.starts_with('\'') {
                    return start + at + 1;
                }
                escaped = true;
            }
            _ => escaped = false,
        }
    }
    start + written.len()
}

/// The problem with nesting that has no end.
pub(super) fn too_deep(span: Span) -> Fatal {
    let message = format!("lists and mappings nest deeper than {MAX_DEPTH} levels");
    Box::new(Problem::at("PR0104", span, message))
}

fn syntax(source: &Source, error: &ScanError) -> Fatal {
    let start = source.position(*error.marker());
    let rest = source.text().get(start.byte..).unwrap_or_default();
    let width = rest.chars().next().map_or(0, char::len_utf8);
    let span = source.span(start, start.byte + width);
    if error.info() == "recursion limit exceeded" {
        return too_deep(span);
    }
    let problem = Problem::at("PR0101", span, "this is not YAML").label(span, error.info());
    let line_start = source.text()[..start.byte]
        .rfind('\n')
        .map_or(0, |at| at + 1);
    let line = source.text()[line_start..]
        .lines()
        .next()
        .unwrap_or_default();
    Box::new(if line.contains('\t') {
        problem.help("YAML is indented with spaces, never with tabs")
    } else if line.contains("${") {
        problem.help("inside `{ }` and `[ ]` a `${…}` must be quoted: \"${VAR}\"")
    } else {
        problem
    })
}
