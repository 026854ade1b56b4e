//! One entry under `jobs:`.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use super::classes::Classes;
use super::problem::Problem;
use super::raw::{RawIdle, RawJob, RawRetry};
use super::read::{At, Place, Section, Text, Time};
use super::tree::Key;
use super::{json, keys, options, suggest, validate};

/// A job: a class and how many workers run it.
#[derive(Clone)]
pub struct JobConfig {
    /// Its name, the key under `jobs:`.
    pub name: Arc<str>,
    /// The struct that carries `#[job]`, or `Command`.
    pub class: String,
    /// How many workers there are in the whole cluster; 0 parks the job.
    pub workers: u32,
    /// How many of them one node may run.
    pub max_per_node: Option<u32>,
    /// The pause between two iterations.
    pub interval: Duration,
    /// The backoff after an empty batch.
    pub idle: Backoff,
    /// How long one record may take.
    pub record_timeout: Option<Duration>,
    /// A worker without progress for this long is reported, then restarted.
    pub stuck_after: Option<Duration>,
    /// What happens after an error.
    pub retry: RetryConfig,
    /// The fields of the job's struct, secrets included.
    pub options: Json,
    /// The same, with every secret replaced by `***`.
    pub shown_options: Json,
    /// Where the job stands in the file.
    pub place: Location,
}

impl fmt::Debug for JobConfig {
    /// Shows the options without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobConfig")
            .field("name", &self.name)
            .field("class", &self.class)
            .field("workers", &self.workers)
            .field("max_per_node", &self.max_per_node)
            .field("interval", &self.interval)
            .field("idle", &self.idle)
            .field("record_timeout", &self.record_timeout)
            .field("stuck_after", &self.stuck_after)
            .field("retry", &self.retry)
            .field("options", &format_args!("{}", self.shown_options))
            .field("place", &self.place)
            .finish()
    }
}

/// A pause that doubles from `min` to `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first pause.
    pub min: Duration,
    /// The longest pause.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            min: Duration::from_millis(50),
            max: Duration::from_secs(5),
        }
    }
}

/// What happens after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryConfig {
    /// How often a failed record is tried again before it is quarantined.
    pub record: u32,
    /// The first backoff.
    pub min: Duration,
    /// The longest backoff.
    pub max: Duration,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            record: 3,
            min: Duration::from_secs(1),
            max: Duration::from_secs(300),
        }
    }
}

/// Where something stands in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file, as the user named it.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// Makes a job of what the file says.
pub(super) fn build(
    key: &Key,
    raw: RawJob,
    file: &std::path::Path,
    classes: Option<&dyn Classes>,
    problems: &mut Vec<Problem>,
) -> Option<JobConfig> {
    validate::name("job", key, problems);
    let class = class(key, &raw, classes, problems);
    if let (Some(classes), Some(class)) = (classes, &class) {
        options::check(key, class, &raw, classes, problems);
    }
    if let (Some(record), Some(stuck)) = (&raw.record_timeout, &raw.stuck_after) {
        stuck_first(record, stuck, problems);
    }
    let options = raw.options.map(|options| options.value.0);
    let object = |json: Json| {
        if json.is_null() {
            Json::Object(Default::default())
        } else {
            json
        }
    };
    Some(JobConfig {
        name: key.text.as_str().into(),
        class: class?,
        workers: raw.workers.map_or(1, |workers| workers.value.0),
        max_per_node: raw.max_per_node.map(|count| count.value.0),
        interval: raw.interval.map_or(Duration::ZERO, |time| time.value.0),
        idle: idle(raw.idle, problems),
        record_timeout: raw.record_timeout.map(|time| time.value.0),
        stuck_after: raw.stuck_after.map(|time| time.value.0),
        retry: retry(raw.retry, problems),
        shown_options: object(options.as_ref().map_or(Json::Null, json::shown)),
        options: object(options.as_ref().map_or(Json::Null, json::full)),
        place: Location {
            file: file.to_owned(),
            line: key.span.start.line,
            column: key.span.start.column,
        },
    })
}

/// The class, which must be one of `classes`.
fn class(
    key: &Key,
    raw: &RawJob,
    classes: Option<&dyn Classes>,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let Some(At {
        value: Text(class),
        place,
    }) = &raw.class
    else {
        if !RawJob::mentions(&raw.keys, "class") {
            let message = format!("job `{}` has no `class`", keys::shown(&key.text));
            let problem = Problem::at("PR0113", key.span, message);
            problems.push(
                problem.help("`class:` names the struct that carries `#[job]`, or `Command`"),
            );
        }
        return None;
    };
    let registered = classes.map(Classes::names);
    if let Some(names) = registered.filter(|names| !names.contains(&class.as_str())) {
        problems.push(unknown_class(class, place, &names));
        return None;
    }
    Some(class.clone())
}

fn unknown_class(class: &str, place: &Place, names: &[&str]) -> Problem {
    let name = if place.secret {
        "that is not shown".to_owned()
    } else {
        format!("named `{}`", keys::shown(class))
    };
    let problem = place.problem("PR0201", format!("there is no job class {name}"));
    let near = if place.secret {
        Vec::new()
    } else {
        suggest::nearest(class, names.iter().copied())
    };
    problem
        .label(place.span, suggest::question(&near))
        .note(match names {
            [] => "no class is registered".to_owned(),
            names => format!("registered: {}", names.join(", ")),
        })
        .help(
            "if it lives in another crate, add `use that_crate as _;` or `.job::<T>()` to the App",
        )
}

fn idle(raw: Option<At<RawIdle>>, problems: &mut Vec<Problem>) -> Backoff {
    let Some(At {
        value: RawIdle { min, max, .. },
        ..
    }) = raw
    else {
        return Backoff::default();
    };
    let Backoff {
        min: low,
        max: high,
    } = Backoff::default();
    let (min, max) = ordered("idle", (min, low), (max, high), problems);
    Backoff { min, max }
}

fn retry(raw: Option<At<RawRetry>>, problems: &mut Vec<Problem>) -> RetryConfig {
    let default = RetryConfig::default();
    let Some(At {
        value: RawRetry {
            record, min, max, ..
        },
        ..
    }) = raw
    else {
        return default;
    };
    let (min, max) = ordered("retry", (min, default.min), (max, default.max), problems);
    let record = record.map_or(default.record, |count| count.value.0);
    RetryConfig { record, min, max }
}

/// Both ends of a backoff. A default gives way to what was written: `max: 10ms` alone lowers `min`.
fn ordered<const A: u64, const B: u64>(
    section: &str,
    (min, low): (Option<At<Time<A, B>>>, Duration),
    (max, high): (Option<At<Time<A, B>>>, Duration),
    problems: &mut Vec<Problem>,
) -> (Duration, Duration) {
    match (min, max) {
        (Some(min), Some(max)) => {
            if min.value.0 > max.value.0 {
                let message = format!("`{section}.min` is longer than `{section}.max`");
                let problem = min.place.problem("PR0123", message);
                problems.push(problem.also(max.place.span, "the maximum"));
            }
            (min.value.0, max.value.0)
        }
        (Some(min), None) => (min.value.0, high.max(min.value.0)),
        (None, Some(max)) => (low.min(max.value.0), max.value.0),
        (None, None) => (low, high),
    }
}

fn stuck_first<const A: u64, const B: u64, const C: u64>(
    record: &At<Time<A, B>>,
    stuck: &At<Time<C, B>>,
    problems: &mut Vec<Problem>,
) {
    if record.value.0 >= stuck.value.0 {
        let message = "a record may take longer than a worker may be silent";
        let note = "the worker is restarted before `record_timeout` is reached";
        let problem = stuck.place.problem("PR0302", message).warning();
        problems.push(
            problem
                .also(record.place.span, "this is never reached")
                .note(note),
        );
    }
}
