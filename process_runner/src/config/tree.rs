//! The file as a tree in which everything knows where it stands.
//!
//! Values carry the span they were written at and, if they came through an alias, the span of
//! that use too. Scalars with a `${…}` stay [`Value::Template`]s until the section that holds them
//! is known to count.

mod build;
mod event;

use std::ops::Range;

use super::problem::Span;
use super::secret;

pub(super) use build::parse;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    /// Where it was written.
    pub(super) span: Span,
    /// Where the alias stands that brought it here.
    pub(super) used_at: Option<Span>,
    /// Never to be shown: it came from the environment, or stands under a key like `password`.
    pub(super) secret: bool,
    /// It came out of a `${…}`.
    pub(super) replaced: bool,
    /// It is a scalar in quotes or a block, so text whatever it looks like.
    pub(super) quoted: bool,
    /// How many nodes it is, itself included.
    size: u32,
    /// How deep it nests; a scalar is 1.
    height: u32,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A finite number.
    Number(serde_json::Number),
    /// A string.
    Text(String),
    /// A scalar with a `${…}`, not replaced yet.
    Template {
        /// As written.
        text: String,
        /// Not quoted, so it is typed once it is replaced.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file, merge keys applied.
    Map(Vec<Entry>),
    /// Something a problem was reported for already.
    Broken,
}

/// One key of a mapping and its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) node: Node,
}

/// A key and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) span: Span,
}

impl PartialEq for Node {
    /// Equal in meaning, wherever it stands.
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Node {
    fn new(value: Value, span: Span) -> Self {
        let (size, height) = match &value {
            Value::List(items) => measure(items.iter()),
            Value::Map(entries) => measure(entries.iter().map(|entry| &entry.node)),
            _ => (1, 1),
        };
        Self {
            value,
            span,
            used_at: None,
            secret: false,
            replaced: false,
            quoted: false,
            size,
            height,
        }
    }

    /// The value of `key`, if this is a mapping that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key.text == key),
            _ => None,
        }
    }

    /// Whether there is something to read: no template that waits, nothing reported already.
    pub(super) fn is_known(&self) -> bool {
        !matches!(self.value, Value::Template { .. } | Value::Broken)
    }

    /// What it is, for a message that must not show it.
    pub(super) fn noun(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::Text(_) | Value::Template { .. } => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
            Value::Broken => "something broken",
        }
    }

    /// What it is, spelled out where that is short and no secret.
    pub(super) fn shown(&self) -> String {
        match &self.value {
            _ if self.secret => format!("{} that is not shown", self.noun()),
            Value::Bool(value) => format!("`{value}`"),
            Value::Number(value) => format!("`{value}`"),
            Value::Text(text) if text.chars().count() <= 60 => format!("the string {text:?}"),
            _ => self.noun().to_owned(),
        }
    }

    /// Makes it and all below it secret, and notes which bytes of the file that concerns.
    fn make_secret(&mut self, masks: &mut Vec<Range<usize>>) {
        self.secret = true;
        match &mut self.value {
            Value::List(items) => {
                for item in items {
                    item.make_secret(masks);
                }
            }
            Value::Map(entries) => {
                for entry in entries {
                    entry.node.make_secret(masks);
                }
            }
            Value::Template { text, .. } if !secret::is_literal(text) => {}
            _ => masks.push(self.span.start.byte..self.span.end.byte),
        }
    }
}

fn measure<'a>(children: impl Iterator<Item = &'a Node>) -> (u32, u32) {
    let (size, height) = children.fold((0_u32, 0), |(size, height), child| {
        (size.saturating_add(child.size), height.max(child.height))
    });
    (size.saturating_add(1), height + 1)
}
