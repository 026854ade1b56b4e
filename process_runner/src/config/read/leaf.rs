//! The values that are not sections: text, flags, counts, durations, lists, labels, options.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::{At, Field, Place, Read};
use crate::config::duration;
use crate::config::problem::Problem;
use crate::config::tree::{Node, Value};

/// A string.
#[derive(Debug, Clone)]
pub(in crate::config) struct Text(pub(in crate::config) String);

impl Read for Text {
    fn read(field: &Field<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        match &field.node.value {
            Value::Text(text) => Some(Self(text.clone())),
            Value::Bool(_) | Value::Number(_) => {
                problems.push(field.wrong_type("a string").help("put it in quotes"));
                None
            }
            _ => {
                problems.push(field.wrong_type("a string"));
                None
            }
        }
    }

    fn schema() -> Json {
        json!({ "type": "string" })
    }
}

/// `true` or `false`.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Flag(pub(in crate::config) bool);

impl Read for Flag {
    fn read(field: &Field<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        match &field.node.value {
            Value::Bool(value) => Some(Self(*value)),
            _ => {
                problems.push(unquoted(field, field.wrong_type("`true` or `false`")));
                None
            }
        }
    }

    fn schema() -> Json {
        or_template(json!({ "type": "boolean" }))
    }
}

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Count<const MIN: u32, const MAX: u32>(pub(in crate::config) u32);

impl<const MIN: u32, const MAX: u32> Read for Count<MIN, MAX> {
    fn read(field: &Field<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let expected = format!("a whole number from {MIN} to {MAX}");
        if is_huge(field.node) {
            problems.push(out_of_range(field, &expected));
            return None;
        }
        let Value::Number(number) = &field.node.value else {
            problems.push(unquoted(field, field.wrong_type(&expected)));
            return None;
        };
        let count = number
            .as_u64()
            .and_then(|number| u32::try_from(number).ok());
        if let Some(count) = count.filter(|count| (MIN..=MAX).contains(count)) {
            return Some(Self(count));
        }
        // `1.5` and `1e3` are of another type, `-1` and `1e12` are too small and too large.
        if number.is_f64()
            && number
                .as_f64()
                .is_some_and(|number| number.abs() < f64::from(MAX))
        {
            problems.push(field.wrong_type(&expected));
        } else {
            problems.push(out_of_range(field, &expected));
        }
        None
    }

    fn schema() -> Json {
        or_template(json!({ "type": "integer", "minimum": MIN, "maximum": MAX }))
    }
}

/// A duration from `MIN` to `MAX`, both in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Time<const MIN: u64, const MAX: u64>(pub(in crate::config) Duration);

impl<const MIN: u64, const MAX: u64> Read for Time<MIN, MAX> {
    fn read(field: &Field<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let Value::Text(text) = &field.node.value else {
            let problem = field.wrong_type("a duration such as `10s`");
            problems.push(match &field.node.value {
                Value::Number(number) if number.is_u64() && !field.node.secret => problem.help(
                    format!("a duration has a unit: `{number}s` or `{number}ms`"),
                ),
                _ => problem,
            });
            return None;
        };
        match duration::parse(text) {
            Ok(value) => {
                let fits =
                    u64::try_from(value.as_millis()).is_ok_and(|ms| (MIN..=MAX).contains(&ms));
                if !fits {
                    let show = |millis| duration::show(Duration::from_millis(millis));
                    let expected = format!("from {} to {}", show(MIN), show(MAX));
                    problems.push(out_of_range(field, &expected));
                }
                fits.then_some(Self(value))
            }
            Err(reason) => {
                let message = format!("{} is not a duration", field.name());
                let problem = field.place().problem("PR0114", message);
                let problem = problem.label(field.node.span, reason);
                problems.push(problem.help("write it like `250ms`, `10s`, `5m` or `1h30m`"));
                None
            }
        }
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": r"^([0-9]+(ms|s|m|h|d))+$|\$\{" })
    }
}

/// A list.
#[derive(Debug, Clone)]
pub(in crate::config) struct List<T> {
    /// Those that fit.
    pub(in crate::config) items: Vec<At<T>>,
    /// How many were written.
    pub(in crate::config) written: usize,
}

impl<T: Read> Read for List<T> {
    fn read(field: &Field<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let Value::List(items) = &field.node.value else {
            problems.push(field.wrong_type("a list").help("write it as `[a, b]`"));
            return None;
        };
        let mut values = Vec::new();
        let written = items.len();
        for node in items.iter().filter(|node| node.is_known()) {
            let field = Field { node, ..*field };
            if let Some(value) = T::read(&field, problems) {
                let place = Place::from(node);
                values.push(At { value, place });
            }
        }
        Some(Self {
            items: values,
            written,
        })
    }

    fn schema() -> Json {
        json!({ "type": "array", "items": T::schema() })
    }
}

/// Free names with text values.
#[derive(Debug, Clone)]
pub(in crate::config) struct Labels(pub(in crate::config) BTreeMap<String, At<Text>>);

impl Labels {
    /// Without their places.
    pub(in crate::config) fn texts(self) -> BTreeMap<String, String> {
        let labels = self.0.into_iter();
        labels.map(|(name, value)| (name, value.value.0)).collect()
    }
}

impl Read for Labels {
    const MAY_BE_EMPTY: bool = true;

    fn read(field: &Field<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut labels = BTreeMap::new();
        match &field.node.value {
            Value::Null => {}
            Value::Map(entries) => {
                for entry in entries.iter().filter(|entry| entry.node.is_known()) {
                    let (node, key) = (&entry.node, entry.key.text.as_str());
                    let field = Field {
                        node,
                        key,
                        owner: field.owner,
                    };
                    if let Some(value) = Text::read(&field, problems) {
                        let place = Place::from(node);
                        labels.insert(key.to_owned(), At { value, place });
                    }
                }
            }
            _ => {
                problems.push(field.wrong_type("a mapping from names to strings"));
                return None;
            }
        }
        Some(Self(labels))
    }

    fn schema() -> Json {
        json!({ "type": "object", "additionalProperties": Text::schema() })
    }

    fn overlay(mut self, over: Self) -> Self {
        self.0.extend(over.0);
        self
    }
}

/// The options of a job: whatever its class makes of them.
#[derive(Debug, Clone)]
pub(in crate::config) struct Options(pub(in crate::config) Node);

impl Read for Options {
    const MAY_BE_EMPTY: bool = true;

    fn read(field: &Field<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        match &field.node.value {
            Value::Map(_) | Value::Null => Some(Self(field.node.clone())),
            _ => {
                problems.push(field.wrong_type("a mapping, the fields of the job's struct"));
                None
            }
        }
    }

    fn schema() -> Json {
        json!({ "type": ["object", "null"] })
    }
}

/// A number that fits no integer type reads as text.
fn is_huge(node: &Node) -> bool {
    match &node.value {
        Value::Text(text) if !node.quoted && text.len() > 10 => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0')
        }
        _ => false,
    }
}

fn out_of_range(field: &Field<'_>, expected: &str) -> Problem {
    let place = field.place();
    let message = format!("{} is out of range", field.name());
    let problem = place.problem("PR0112", message);
    problem.label(place.span, format!("it must be {expected}"))
}

/// A number or boolean in quotes is the most common mistake with `"${VAR}"`.
fn unquoted(field: &Field<'_>, problem: Problem) -> Problem {
    match &field.node.value {
        Value::Text(_) if field.node.replaced && field.node.quoted => {
            problem.help("a quoted `${…}` stays a string; remove the quotes")
        }
        _ => problem,
    }
}

/// What an editor should accept: the value, or a `${…}` that stands for it.
fn or_template(schema: Json) -> Json {
    json!({ "anyOf": [schema, { "type": "string", "pattern": r"\$\{" }] })
}
