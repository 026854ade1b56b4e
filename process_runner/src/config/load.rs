//! The way from a request to a configuration.

use std::path::{Path, PathBuf};

use super::classes::Classes;
use super::problem::{Problem, Problems, Severity, Span};
use super::raw::RawFile;
use super::source::Source;
use super::tree::{Entry, Node, Value};
use super::validate::{self, Choice};
use super::{Config, Coordination, etcd, interpolate, json, locate, read, suggest, tree};

const DEFAULT_ENVIRONMENT: &str = "development";

/// What to load, and what to check it against.
pub struct Request<'a> {
    /// The file, as the user named it; `None` tries the usual names in the current directory.
    pub path: Option<&'a Path>,
    /// The environment, if the user chose one. Else `PR_ENV`, else `development`.
    pub environment: Option<&'a str>,
    /// The variables of the process.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// The compiled classes; `None` leaves classes and options unchecked.
    pub classes: Option<&'a dyn Classes>,
}

/// A configuration, and what is worth a look in it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Warnings; errors there are none.
    pub warnings: Problems,
    /// The file that was found.
    pub path: PathBuf,
}

/// Finds, reads and checks the configuration.
///
/// # Errors
///
/// Everything that is wrong with it, in the order of the file, warnings included.
pub fn load(request: &Request<'_>) -> Result<Loaded, Problems> {
    let path = locate::locate(request.path, Path::new(""))?;
    check(Source::read(&path)?, request)
}

/// Finds the configuration and reads its `etcd:` section alone.
///
/// For commands that talk to a running cluster: they must work where the variables of the jobs
/// are not set, and while the jobs are being edited.
///
/// # Errors
///
/// Everything that is wrong with that section, or with the file as a whole.
pub fn load_coordination(request: &Request<'_>) -> Result<Coordination, Problems> {
    let path = locate::locate(request.path, Path::new(""))?;
    let mut source = Source::read(&path)?;
    let mut problems = Vec::new();
    let coordination = tree::parse(&mut source, &mut problems).and_then(|mut root| {
        if let Value::Map(entries) = &mut root.value {
            entries.retain(|entry| entry.key.text == "etcd");
        }
        replace(&mut root, "", request, &mut problems);
        let raw: RawFile = read::mapping(&root, read::FILE, &mut problems)?;
        let directory = path.parent().unwrap_or(Path::new(""));
        Some(etcd::build(raw.etcd, directory, &mut problems))
    });
    let failed = problems
        .iter()
        .any(|problem| problem.severity == Severity::Error);
    match coordination {
        Some(coordination) if !failed => Ok(coordination),
        _ => Err(Problems::of(source, problems)),
    }
}

/// Checks a file that was read.
pub(super) fn check(mut source: Source, request: &Request<'_>) -> Result<Loaded, Problems> {
    let mut problems = Vec::new();
    let path = source.path().to_owned();
    let config = tree::parse(&mut source, &mut problems)
        .and_then(|root| config(root, &path, source.start(), request, &mut problems));
    let failed = problems
        .iter()
        .any(|problem| problem.severity == Severity::Error);
    let problems = Problems::of(source, problems);
    match config {
        Some(config) if !failed => Ok(Loaded {
            config,
            warnings: problems,
            path,
        }),
        _ => Err(problems),
    }
}

fn config(
    mut root: Node,
    path: &Path,
    start: Span,
    request: &Request<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Config> {
    drop_free_keys(&mut root);
    let environment = environment(&root, request, problems);
    replace(&mut root, &environment, request, problems);
    let raw: RawFile = read::mapping(&root, read::FILE, problems)?;
    let choice = Choice {
        environment,
        file: path,
        classes: request.classes,
    };
    let mut config = validate::config(raw, choice, start, problems);
    config.shown = json::in_force(&root, &config.environment);
    Some(config)
}

/// `x-*` keys at the top hold anchors; what they say counts where it is used.
fn drop_free_keys(root: &mut Node) {
    if let Value::Map(entries) = &mut root.value {
        entries.retain(|entry| !entry.key.text.starts_with("x-"));
    }
}

/// The environment that is in force, which must exist if it was asked for.
fn environment(root: &Node, request: &Request<'_>, problems: &mut Vec<Problem>) -> String {
    let from_process = || (request.env)("PR_ENV").filter(|name| !name.is_empty());
    let asked = request.environment.map(str::to_owned).or_else(from_process);
    let Some(asked) = asked else {
        return DEFAULT_ENVIRONMENT.to_owned();
    };
    if let Some(Entry {
        key,
        node: Node {
            value: Value::Map(entries),
            ..
        },
    }) = root.get("environments")
    {
        let names: Vec<&str> = entries
            .iter()
            .map(|entry| entry.key.text.as_str())
            .collect();
        if !names.is_empty() && !names.contains(&asked.as_str()) {
            let near = suggest::nearest(&asked, names.iter().copied());
            let message = format!("there is no environment `{asked}`");
            let problem = Problem::at("PR0119", key.span, message);
            let problem = problem.label(key.span, suggest::question(&near));
            problems.push(problem.note(format!("environments: {}", names.join(", "))));
        }
    }
    asked
}

/// Replaces `${…}` in everything that counts: another environment's variables need not be set.
fn replace(root: &mut Node, environment: &str, request: &Request<'_>, problems: &mut Vec<Problem>) {
    let Value::Map(entries) = &mut root.value else {
        // A file that is one scalar is refused whatever it says.
        root.value = match std::mem::replace(&mut root.value, Value::Null) {
            Value::Template { text, .. } => Value::Text(text),
            value => value,
        };
        return;
    };
    for Entry { key, node } in entries {
        match (key.text.as_str(), &mut node.value) {
            ("environments", Value::Map(entries)) => {
                for entry in entries
                    .iter_mut()
                    .filter(|entry| entry.key.text == environment)
                {
                    interpolate::apply(&mut entry.node, request.env, problems);
                }
            }
            _ => interpolate::apply(node, request.env, problems),
        }
    }
}
