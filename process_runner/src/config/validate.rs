//! From the raw mirror to a [`Config`]: what a single value's type and range cannot say.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use super::classes::Classes;
use super::problem::{Problem, Span};
use super::raw::{RawApp, RawFile};
use super::read::{At, Section, Text, overlay};
use super::tree::Key;
use super::{AppSource, Config, etcd, fingerprint, job, keys, node};

/// What a name may be, in words.
pub(crate) const NAME_RULE: &str = "1 to 100 letters, digits, `_`, `.` or `-`";

/// Whether `name` is safe in a key of etcd and in `JOB@INDEX`.
pub(crate) fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    // `.` and `..` are legal keys and a trap for every path made of them.
    (1..=100).contains(&name.len()) && name.bytes().all(allowed) && name != "." && name != ".."
}

/// Checks a name that does not stand in a configuration, as that of `--node-name`.
///
/// # Errors
///
/// It is no name; the error says what one is.
pub fn check_name(name: &str) -> Result<(), BadName> {
    is_name(name).then_some(()).ok_or(BadName)
}

/// A text that is no name. Says what one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadName;

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a name is {NAME_RULE}")
    }
}

impl std::error::Error for BadName {}

/// Reports a key that names a thing and is no name.
pub(super) fn name(word: &str, key: &Key, problems: &mut Vec<Problem>) {
    if !is_name(&key.text) {
        let message = format!(
            "`{}` cannot be the name of a {word}",
            keys::shown(&key.text)
        );
        let problem = Problem::at("PR0115", key.span, message);
        problems.push(problem.note(format!("a name is {NAME_RULE}")));
    }
}

/// What the caller decides.
pub(super) struct Choice<'a> {
    pub(super) environment: String,
    pub(super) file: &'a Path,
    pub(super) classes: Option<&'a dyn Classes>,
}

/// Makes a configuration of what the file says. It counts only if no error was reported.
pub(super) fn config(
    raw: RawFile,
    choice: Choice<'_>,
    start: Span,
    problems: &mut Vec<Problem>,
) -> Config {
    let directory = choice.file.parent().unwrap_or(Path::new(""));
    let app = raw.app.and_then(|raw| app(raw, directory, problems));
    let coordination = etcd::build(raw.etcd, directory, problems);
    let environments = raw
        .environments
        .map_or_else(Vec::new, |named| named.value.0);
    let names = environments
        .iter()
        .map(|(key, _)| key.text.clone())
        .collect();
    let chosen = environments
        .into_iter()
        .find(|(key, _)| key.text == choice.environment);
    let node = node::build(
        overlay(raw.global, chosen.map(|(_, section)| section)),
        problems,
    );
    if !RawFile::mentions(&raw.keys, "jobs") {
        let problem = Problem::at("PR0120", start, "the file has no `jobs`");
        problems.push(problem.help("add `jobs:` with at least one job"));
    }
    let mut jobs = BTreeMap::new();
    if let Some(At {
        value: named,
        place,
    }) = raw.jobs
    {
        if named.0.is_empty() {
            problems.push(
                place
                    .problem("PR0120", "`jobs` has no job")
                    .help("add at least one"),
            );
        }
        for (key, raw) in named.0 {
            job::warn_of_labels(&key.text, &raw.value, &coordination, &node, problems);
            let job = job::build(&key, raw.value, choice.file, choice.classes, problems);
            jobs.extend(job.map(|job| (job.name.clone(), job)));
        }
    }
    Config {
        environment: choice.environment,
        app,
        coordination,
        node,
        hash: fingerprint::hash(&fingerprint::settings(&jobs)),
        jobs,
        environments: names,
        shown: serde_json::Value::Null,
    }
}

fn app(raw: At<RawApp>, directory: &Path, problems: &mut Vec<Problem>) -> Option<AppSource> {
    let At { value: raw, place } = raw;
    match (raw.package, raw.path) {
        (Some(package), Some(path)) => {
            let problem = path
                .place
                .problem("PR0116", "`app` has a package and a path");
            problems.push(
                problem
                    .also(package.place.span, "the package")
                    .help("keep one of them"),
            );
            None
        }
        (
            Some(At {
                value: Text(name), ..
            }),
            None,
        ) => Some(AppSource::Package(name)),
        (
            None,
            Some(At {
                value: Text(path), ..
            }),
        ) => Some(AppSource::Path(directory.join(path))),
        (None, None) => {
            // An unknown key, or a broken value, was reported already.
            if raw.keys.is_empty() {
                let problem = place.problem("PR0113", "`app` says nothing about what to run");
                problems.push(problem.help("add `package: NAME` or `path: ./program`"));
            }
            None
        }
    }
}
