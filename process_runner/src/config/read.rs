//! From the tree to the raw mirror: one value at a time, every problem reported.
//!
//! A [`Section`] is a mapping with known keys, declared by the `section!` macro; [`Read`] is
//! anything that can stand as a value. A value that does not fit is reported and reads as absent,
//! so one mistake never hides another.

mod leaf;
mod table;

use serde_json::{Value as Json, json};

use super::keys;
use super::problem::{Problem, Span};
use super::tree::{Entry, Key, Node, Value};

pub(super) use leaf::{Count, Flag, Labels, List, Options, Text, Time};
pub(super) use table::{schema, section};

/// The owner of the topmost keys.
pub(super) const FILE: &str = "the file";

/// Where a value stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Where it was written.
    pub(super) span: Span,
    /// Where the alias stands that brought it here.
    pub(super) used_at: Option<Span>,
    /// Whether it may be shown.
    pub(super) secret: bool,
}

impl Place {
    /// A problem with the value here.
    pub(super) fn problem(&self, code: &'static str, message: impl Into<String>) -> Problem {
        let problem = Problem::at(code, self.span, message);
        match self.used_at {
            Some(used) if used != self.span => problem.also(used, "it is used here"),
            _ => problem,
        }
    }
}

impl From<&Node> for Place {
    fn from(node: &Node) -> Self {
        Self {
            span: node.span,
            used_at: node.used_at,
            secret: node.secret,
        }
    }
}

/// A value that was read, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// A value about to be read.
pub(super) struct Field<'a> {
    pub(super) node: &'a Node,
    pub(super) key: &'a str,
    /// What the key belongs to: "job `mail`".
    pub(super) owner: &'a str,
}

impl Field<'_> {
    /// "`workers` of job `mail`".
    pub(super) fn name(&self) -> String {
        match self.owner {
            FILE => format!("`{}`", self.key),
            owner => format!("`{}` of {owner}", self.key),
        }
    }

    /// Says that the value is of another type than `expected`.
    pub(super) fn wrong_type(&self, expected: &str) -> Problem {
        let message = format!("{} must be {expected}", self.name());
        let problem = self.place().problem("PR0111", message);
        problem.label(self.node.span, format!("this is {}", self.node.shown()))
    }

    /// Where the value stands.
    pub(super) fn place(&self) -> Place {
        Place::from(self.node)
    }
}

/// Anything that can stand as a value.
pub(super) trait Read: Sized {
    /// Whether `key:` with nothing after it is an empty one and no mistake.
    const MAY_BE_EMPTY: bool = false;

    /// Reads the value, or reports why not.
    fn read(field: &Field<'_>, problems: &mut Vec<Problem>) -> Option<Self>;

    /// Its JSON Schema.
    fn schema() -> Json;

    /// This value, with `over` laid over it: the whole of `over`, unless both have parts.
    fn overlay(self, over: Self) -> Self {
        drop(self);
        over
    }
}

/// Lays one optional value over another.
pub(super) fn overlay<T: Read>(base: Option<At<T>>, over: Option<At<T>>) -> Option<At<T>> {
    match (base, over) {
        (Some(base), Some(over)) => Some(At {
            value: base.value.overlay(over.value),
            place: over.place,
        }),
        (base, over) => over.or(base),
    }
}

/// A mapping with known keys.
pub(super) trait Section: Sized {
    /// Its keys, in the order in which messages list them.
    const KEYS: &'static [&'static str];

    /// Reads the mapping.
    fn read(fields: &mut Fields<'_>) -> Self;

    /// This section, with what `over` says laid over it.
    fn overlay(self, over: Self) -> Self;

    /// Its JSON Schema.
    fn schema() -> Json;

    /// Whether `keys` has `name`, or a misspelling of it: then it is not missing.
    fn mentions(keys: &[Key], name: &str) -> bool {
        keys.iter().any(|key| {
            let known = Self::KEYS.contains(&key.text.as_str());
            key.text == name || (!known && keys::meant(&key.text, Self::KEYS).contains(&name))
        })
    }
}

/// The fields of a mapping while it is read.
pub(super) struct Fields<'a> {
    entries: &'a [Entry],
    owner: String,
    problems: &'a mut Vec<Problem>,
}

impl Fields<'_> {
    /// Every key that was written.
    pub(super) fn keys(&self) -> Vec<Key> {
        self.entries.iter().map(|entry| entry.key.clone()).collect()
    }

    /// Takes the value of `key`, if there is one that fits.
    pub(super) fn take<T: Read>(&mut self, key: &str) -> Option<At<T>> {
        let node = &self
            .entries
            .iter()
            .find(|entry| entry.key.text == key)?
            .node;
        match node.value {
            // Not replaced: an environment that was not chosen. Broken: reported already.
            Value::Template { .. } | Value::Broken => return None,
            // `zone: ${ZONE:-}` leaves the key out.
            Value::Null if node.replaced => return None,
            _ => {}
        }
        let field = Field {
            node,
            key,
            owner: &self.owner,
        };
        if node.value == Value::Null && !T::MAY_BE_EMPTY {
            let message = format!("{} has no value", field.name());
            let problem = field.place().problem("PR0111", message);
            self.problems
                .push(problem.help("give it one, or remove the key"));
            return None;
        }
        let value = T::read(&field, self.problems)?;
        Some(At {
            value,
            place: Place::from(node),
        })
    }
}

/// Reads a mapping as section `S`; unknown keys are reported.
pub(super) fn mapping<S: Section>(
    node: &Node,
    owner: &str,
    problems: &mut Vec<Problem>,
) -> Option<S> {
    let entries: &[Entry] = match &node.value {
        Value::Map(entries) => entries,
        Value::Null => &[],
        Value::Broken | Value::Template { .. } => return None,
        _ => {
            let place = Place::from(node);
            let problem = place.problem("PR0111", format!("{owner} must be a mapping"));
            let found = format!("this is {}", node.shown());
            problems.push(problem.label(place.span, found));
            return None;
        }
    };
    for entry in entries {
        if !S::KEYS.contains(&entry.key.text.as_str()) {
            problems.push(keys::unknown(entry, owner, S::KEYS));
        }
    }
    let owner = owner.to_owned();
    Some(S::read(&mut Fields {
        entries,
        owner,
        problems,
    }))
}

/// Sections by name: `jobs:` and `environments:`.
#[derive(Debug, Clone)]
pub(super) struct Named<S>(pub(super) Vec<(Key, At<S>)>);

/// What one of the sections under a name is called.
pub(super) trait NamedSection: Section {
    /// "job".
    const WORD: &'static str;
}

impl<S: NamedSection> Read for Named<S> {
    const MAY_BE_EMPTY: bool = true;

    fn read(field: &Field<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let entries: &[Entry] = match &field.node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            _ => {
                let expected = format!(
                    "a mapping from the name of each {} to its settings",
                    S::WORD
                );
                problems.push(field.wrong_type(&expected));
                return None;
            }
        };
        let mut sections = Vec::new();
        for Entry { key, node } in entries {
            let owner = format!("{} `{}`", S::WORD, keys::shown(&key.text));
            if let Some(value) = mapping::<S>(node, &owner, problems) {
                let place = Place::from(node);
                sections.push((key.clone(), At { value, place }));
            }
        }
        Some(Self(sections))
    }

    fn schema() -> Json {
        json!({ "type": "object", "additionalProperties": S::schema() })
    }
}
