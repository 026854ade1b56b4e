//! Options against the struct that takes them: every mistake, where it stands.
//!
//! Serde stops at the first error. So: report it, take the value it complains about out of the
//! options, and ask again. What is then called missing only because it was taken out, or because
//! it was misspelt, is not reported.

mod serde_says;

use serde_json::Value as Json;

use serde_says::Complaint;

use super::classes::Classes;
use super::problem::{Problem, Span};
use super::raw::RawJob;
use super::read::Place;
use super::tree::{Entry, Key, Node, Value};
use super::{json, keys, suggest};
use crate::class::OptionError;

/// More rounds than this no user wants to read.
const MAX_ROUNDS: usize = 50;

/// Checks the options of the job at `key` against `class`.
pub(super) fn check(
    key: &Key,
    class: &str,
    raw: &RawJob,
    classes: &dyn Classes,
    problems: &mut Vec<Problem>,
) {
    let names = classes.option_names(class);
    misplaced(raw, class, &names, problems);
    let written = raw.keys.iter().any(|key| key.text == "options");
    let node = raw.options.as_ref().map(|options| &options.value.0);
    if written && node.is_none() {
        return;
    }
    let mut check = Check {
        job: key,
        class,
        names: &names,
        node,
        excused: Vec::new(),
        problems,
    };
    for entry in raw.keys.iter().filter(|key| names.contains(&key.text)) {
        check.excused.push(vec![entry.text.clone()]);
    }
    check.broken_values();
    let mut options = node.map_or(Json::Null, json::full);
    if options.is_null() {
        options = Json::Object(Default::default());
    }
    for path in &check.excused {
        remove(&mut options, path);
    }
    let before = check.problems.len();
    for _ in 0..MAX_ROUNDS {
        let Err(error) = classes.check(class, &options) else {
            return;
        };
        let message = error.message.clone();
        if !check.report(error, classes, &mut options) {
            // Whatever was thought excused: options that do not fit must not pass.
            if check.problems.len() == before && check.excused.is_empty() {
                check.whole(&message);
            }
            return;
        }
    }
}

/// An option written beside `options` instead of inside.
fn misplaced(raw: &RawJob, class: &str, names: &[String], problems: &mut [Problem]) {
    for key in raw.keys.iter().filter(|key| names.contains(&key.text)) {
        let at_key = |problem: &&mut Problem| {
            let label = problem.primary.as_ref();
            problem.code == "PR0103" && label.is_some_and(|label| label.span == key.span)
        };
        if let Some(problem) = problems.iter_mut().find(at_key) {
            let text = format!("an option of `{class}`: it belongs under `options`");
            *problem = problem.clone().label(key.span, text);
        }
    }
}

struct Check<'a> {
    job: &'a Key,
    class: &'a str,
    names: &'a [String],
    node: Option<&'a Node>,
    /// Options whose absence is no news.
    excused: Vec<Vec<String>>,
    problems: &'a mut Vec<Problem>,
}

impl Check<'_> {
    /// Values that were reported already must not be reported as `null` again.
    fn broken_values(&mut self) {
        if let Some(Node {
            value: Value::Map(entries),
            ..
        }) = self.node
        {
            for entry in entries.iter().filter(|entry| is_broken(&entry.node)) {
                self.excused.push(vec![entry.key.text.clone()]);
            }
        }
    }

    /// Reports `error` and takes its cause out of `options`; whether there is more to find.
    fn report(&mut self, error: OptionError, classes: &dyn Classes, options: &mut Json) -> bool {
        let OptionError { mut path, message } = error;
        match Complaint::of(&message) {
            Complaint::Unknown(name) => {
                if path.last().is_none_or(|last| last != name) {
                    path.push(name.to_owned());
                }
                self.unknown(&path, &message);
            }
            Complaint::Missing(name) if path.is_empty() => {
                self.missing(name, classes);
                return false;
            }
            Complaint::Missing(name) => {
                let inner: Vec<String> = path.iter().cloned().chain([name.to_owned()]).collect();
                if !self.excused.contains(&inner) {
                    let text = format!("`{name}` is missing here");
                    self.unfit("PR0204", &path, &text);
                }
            }
            Complaint::Other if path.is_empty() && self.excused.is_empty() => {
                self.whole(&message);
                return false;
            }
            Complaint::Other if path.is_empty() => return false,
            // An enum without the value that was taken out of it is broken by us.
            Complaint::Other if self.was_taken_from(&path) => {}
            Complaint::Other => {
                let text = self.told(&path, &message);
                self.unfit("PR0203", &path, &text);
            }
        }
        self.excused.push(path.clone());
        remove(options, &path)
    }

    /// Whether something below `path` is gone already.
    fn was_taken_from(&self, path: &[String]) -> bool {
        let below = |gone: &Vec<String>| gone.len() > path.len() && gone.starts_with(path);
        self.excused.iter().any(below)
    }

    fn unknown(&mut self, path: &[String], message: &str) {
        let Some((name, parents)) = path.split_last() else {
            return;
        };
        // Serde lists the fields of an inner struct; those of the outer one the schema knows.
        let inner: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
        let known: Vec<&str> = if parents.is_empty() && !self.names.is_empty() {
            self.names.iter().map(String::as_str).collect()
        } else {
            inner
        };
        let near = suggest::nearest(name, known.iter().copied());
        for meant in &near {
            let excused = parents.iter().cloned().chain([(*meant).to_owned()]);
            self.excused.push(excused.collect());
        }
        let span = self.locate(path).map_or(self.job.span, |found| found.key);
        let message = format!(
            "unknown option `{}` of class `{}`",
            keys::shown(name),
            self.class
        );
        let problem = Problem::at("PR0202", span, message).label(span, suggest::question(&near));
        self.problems.push(problem.note(match known[..] {
            [] => "it has no options".to_owned(),
            _ => format!("options: {}", known.join(", ")),
        }));
    }

    /// Serde names one missing field; the schema knows the others.
    fn missing(&mut self, name: &str, classes: &dyn Classes) {
        let mut missing = classes.required_options(self.class);
        if !missing.iter().any(|required| required == name) {
            missing.push(name.to_owned());
        }
        missing.retain(|name| {
            let given = self.node.is_some_and(|node| node.get(name).is_some());
            !given && !self.excused.contains(&vec![name.clone()])
        });
        if missing.is_empty() {
            return;
        }
        let names: Vec<&str> = missing.iter().map(String::as_str).collect();
        let class = self.class;
        let word = if names.len() == 1 {
            "option"
        } else {
            "options"
        };
        let message = format!("class `{class}` needs the {word} {}", suggest::list(&names));
        let problem = Problem::at("PR0204", self.job.span, message);
        let yaml = names.join(": …, ");
        self.problems
            .push(problem.help(format!("add `options: {{ {yaml}: … }}`")));
    }

    fn whole(&mut self, message: &str) {
        let secret = self.node.is_some_and(has_secret);
        let text = if secret {
            serde_says::without_value(message)
        } else {
            message.to_owned()
        };
        let message = format!("the options do not fit class `{}`", self.class);
        let problem = Problem::at("PR0203", self.job.span, message);
        self.problems.push(problem.label(self.job.span, text));
    }

    fn unfit(&mut self, code: &'static str, path: &[String], text: &str) {
        let found = self.locate(path);
        let name = keys::shown(&path.join("."));
        let message = format!("option `{name}` does not fit class `{}`", self.class);
        self.problems.push(match found {
            Some(Found { node, .. }) => Place::from(node)
                .problem(code, message)
                .label(node.span, text),
            None => Problem::at(code, self.job.span, message).label(self.job.span, text),
        });
    }

    /// Serde's message, without the value if that is a secret.
    fn told(&self, path: &[String], message: &str) -> String {
        let secret = match self.locate(path) {
            Some(found) => has_secret(found.node),
            None => self.node.is_some_and(has_secret),
        };
        if secret {
            serde_says::without_value(message)
        } else {
            serde_says::clear(message)
        }
    }

    fn locate(&self, path: &[String]) -> Option<Found<'_>> {
        let mut node = self.node?;
        let mut key = node.span;
        for step in path {
            match &node.value {
                Value::Map(_) => {
                    let Entry {
                        key: found,
                        node: inner,
                    } = node.get(step)?;
                    (node, key) = (inner, found.span);
                }
                Value::List(items) => {
                    node = items.get(step.parse::<usize>().ok()?)?;
                    key = node.span;
                }
                // Serde's path goes on into an enum's variant; the tree ends here.
                _ => break,
            }
        }
        Some(Found { node, key })
    }
}

struct Found<'a> {
    node: &'a Node,
    key: Span,
}

fn is_broken(node: &Node) -> bool {
    match &node.value {
        Value::Broken => true,
        Value::List(items) => items.iter().any(is_broken),
        Value::Map(entries) => entries.iter().any(|entry| is_broken(&entry.node)),
        _ => false,
    }
}

fn has_secret(node: &Node) -> bool {
    node.secret
        || match &node.value {
            Value::List(items) => items.iter().any(has_secret),
            Value::Map(entries) => entries.iter().any(|entry| has_secret(&entry.node)),
            _ => false,
        }
}

/// Takes the value at `path` out; whether anything was. A list goes as a whole, since its other
/// items would move to other indexes.
fn remove(value: &mut Json, path: &[String]) -> bool {
    let Some((step, rest)) = path.split_first() else {
        return false;
    };
    let Json::Object(map) = value else {
        return false;
    };
    match map.get_mut(step) {
        None => false,
        Some(inner) => remove(inner, rest) || map.remove(step).is_some(),
    }
}
