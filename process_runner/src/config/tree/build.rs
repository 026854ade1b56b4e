//! From events to a tree, within limits.
//!
//! Hostile input ends in a problem, quickly: nesting is capped, so nothing that walks the tree can
//! exhaust the stack, and so is the number of nodes, those that aliases copy included.

use std::collections::HashMap;

use super::event::{Event, Events, Fatal, MAX_DEPTH, too_deep};
use super::{Entry, Key, Node, Value};
use crate::config::merge;
use crate::config::problem::{Problem, Span};
use crate::config::scalar::{self, ScalarError};
use crate::config::secret;
use crate::config::source::Source;

/// How many values a file may have once its aliases are followed.
const MAX_NODES: u32 = 100_000;

/// Parses the file. Whatever can still be made out after a problem is returned beside it.
pub(in crate::config) fn parse(source: &mut Source, problems: &mut Vec<Problem>) -> Option<Node> {
    let mut builder = Builder::new(problems);
    let outcome = builder.run(source);
    let Builder { root, masks, .. } = builder;
    let fatal = outcome.is_err();
    if let Err(problem) = outcome {
        problems.push(*problem);
    }
    for range in masks {
        source.mask(range);
    }
    if fatal {
        // Values behind the error were never seen: mask by the look of the lines.
        secret::mask_lines(source);
        return None;
    }
    if root.is_none() {
        let problem = Problem::at("PR0006", source.start(), "the file is empty");
        problems.push(problem.help("a configuration needs at least `jobs:` with one job"));
    }
    root
}

/// A list or mapping that has not ended yet.
struct Open {
    span: Span,
    anchor: usize,
    /// It stands under a key like `password`.
    secret: bool,
    contents: Contents,
}

enum Contents {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        key: Option<Key>,
    },
}

struct Builder<'p> {
    problems: &'p mut Vec<Problem>,
    stack: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: u32,
    documents: u32,
    masks: Vec<std::ops::Range<usize>>,
    root: Option<Node>,
}

impl<'p> Builder<'p> {
    fn new(problems: &'p mut Vec<Problem>) -> Self {
        Self {
            problems,
            stack: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
            documents: 0,
            masks: Vec::new(),
            root: None,
        }
    }

    fn run(&mut self, source: &Source) -> Result<(), Fatal> {
        let mut events = Events::of(source);
        loop {
            match events.next()? {
                Event::End => return Ok(()),
                Event::Document { span } => self.document(span)?,
                Event::Open {
                    map,
                    tag,
                    anchor,
                    span,
                } => {
                    self.open(map, tag.as_deref(), anchor, span)?;
                }
                Event::Close => self.close()?,
                Event::Alias { anchor, span } => self.alias(anchor, span)?,
                Event::Scalar {
                    text,
                    plain,
                    tag,
                    anchor,
                    span,
                    end_byte,
                } => {
                    let has_password = secret::is_url_with_password(&text);
                    if has_password || (self.is_secret() && secret::is_literal(&text)) {
                        self.masks.push(span.start.byte..end_byte);
                    }
                    let value = if self.expects_key() {
                        // `7:` and `on:` are keys like any other.
                        Value::Text(text)
                    } else {
                        self.scalar(text, plain, tag.as_deref(), span)
                    };
                    let mut node = Node::new(value, span);
                    node.secret = has_password;
                    node.quoted = !plain;
                    self.finish(node, anchor)?;
                }
            }
        }
    }

    fn document(&mut self, span: Span) -> Result<(), Fatal> {
        self.documents += 1;
        if self.documents == 1 {
            return Ok(());
        }
        let problem = Problem::at("PR0102", span, "the file has a second document");
        let problem = problem.label(span, "it begins here");
        Err(problem.help("keep one document; remove the `---`").into())
    }

    fn open(
        &mut self,
        map: bool,
        tag: Option<&str>,
        anchor: usize,
        span: Span,
    ) -> Result<(), Fatal> {
        if self.stack.len() as u32 >= MAX_DEPTH {
            return Err(too_deep(span));
        }
        let expected = if map { "map" } else { "seq" };
        if let Some(tag) = tag.filter(|tag| *tag != expected && *tag != "!") {
            self.problems.push(unknown_tag(span, tag));
        }
        let contents = if map {
            Contents::Map {
                entries: Vec::new(),
                key: None,
            }
        } else {
            Contents::List(Vec::new())
        };
        let secret = self.is_secret();
        self.stack.push(Open {
            span,
            anchor,
            secret,
            contents,
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Fatal> {
        let Some(Open {
            span,
            anchor,
            contents,
            ..
        }) = self.stack.pop()
        else {
            return Ok(());
        };
        let value = match contents {
            Contents::List(items) => Value::List(items),
            Contents::Map { entries, .. } => Value::Map(merge::apply(entries, self.problems)),
        };
        self.finish(Node::new(value, span), anchor)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Fatal> {
        let Some(node) = self.anchors.get(&anchor) else {
            let problem = Problem::at("PR0106", span, "an alias stands inside its own anchor");
            self.problems.push(problem);
            return self.finish(Node::new(Value::Broken, span), 0);
        };
        if self.stack.len() as u32 + node.height > MAX_DEPTH {
            return Err(too_deep(span));
        }
        self.count(node.size, span)?;
        let mut node = self.anchors[&anchor].clone();
        node.used_at = Some(span);
        self.finish(node, 0)
    }

    /// Puts a finished node where it belongs.
    fn finish(&mut self, mut node: Node, anchor: usize) -> Result<(), Fatal> {
        self.count(1, node.span)?;
        if self.is_secret() {
            node.make_secret(&mut self.masks);
        }
        if anchor > 0 {
            self.count(node.size, node.span)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.stack.last_mut().map(|open| &mut open.contents) {
            None => self.root = Some(node),
            Some(Contents::List(items)) => items.push(node),
            Some(Contents::Map { entries, key }) => match key.take() {
                None => *key = Some(self::key(node, self.problems)),
                Some(key) => {
                    // Nothing was written: point at the key instead.
                    if node.span.start.byte == node.span.end.byte {
                        node.span = key.span;
                    }
                    entries.push(Entry { key, node });
                }
            },
        }
        Ok(())
    }

    /// Whether a key comes next.
    fn expects_key(&self) -> bool {
        let contents = self.stack.last().map(|open| &open.contents);
        matches!(contents, Some(Contents::Map { key: None, .. }))
    }

    /// Whether the value that comes next stands under a key like `password`.
    fn is_secret(&self) -> bool {
        self.stack.last().is_some_and(|open| match &open.contents {
            Contents::Map { key: Some(key), .. } if !open.secret => {
                secret::is_secret_key(&key.text)
            }
            _ => open.secret,
        })
    }

    fn count(&mut self, nodes: u32, span: Span) -> Result<(), Fatal> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        let message =
            format!("the file has more than {MAX_NODES} values once aliases are followed");
        let problem = Problem::at("PR0105", span, message);
        Err(problem.label(span, "the limit is reached here").into())
    }

    fn scalar(&mut self, text: String, plain: bool, tag: Option<&str>, span: Span) -> Value {
        let result = match tag {
            None if text.contains("${") => return Value::Template { text, plain },
            Some("str" | "!") if text.contains("${") => {
                return Value::Template { text, plain: false };
            }
            None if plain => scalar::plain(&text),
            None | Some("!") => return Value::Text(text),
            Some(tag) => scalar::tagged(tag, &text),
        };
        result.unwrap_or_else(|error| {
            let tag = tag.unwrap_or_default();
            self.problems.push(match error {
                ScalarError::UnknownTag => unknown_tag(span, tag),
                ScalarError::NotFinite => Problem::at(
                    "PR0107",
                    span,
                    "infinity and not-a-number have no place here",
                )
                .help("quote it if it is meant as text"),
                ScalarError::TagMismatch => Problem::at(
                    "PR0107",
                    span,
                    format!("the value does not fit its tag `!!{tag}`"),
                ),
            });
            Value::Broken
        })
    }
}

/// A key as text. Only an alias can bring in one of another type.
fn key(node: Node, problems: &mut Vec<Problem>) -> Key {
    let span = node.used_at.unwrap_or(node.span);
    let text = match node.value {
        Value::Text(text) | Value::Template { text, .. } => text,
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::Null => String::new(),
        Value::Broken => merge::NO_KEY.to_owned(),
        Value::List(_) | Value::Map(_) => {
            let problem = Problem::at(
                "PR0108",
                span,
                "a key must be a plain word, not a collection",
            );
            problems.push(problem);
            merge::NO_KEY.to_owned()
        }
    };
    Key { text, span }
}

fn unknown_tag(span: Span, tag: &str) -> Problem {
    Problem::at(
        "PR0107",
        span,
        format!("the tag `{tag}` means nothing here"),
    )
    .help("remove the tag")
}
