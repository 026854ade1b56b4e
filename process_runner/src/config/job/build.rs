//! From an entry under `jobs:` to a [`JobConfig`]: its class, and values that depend on each other.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value as Json;

use super::{IDLE, JobConfig, Location, RetryConfig};
use crate::config::classes::Classes;
use crate::config::problem::Problem;
use crate::config::raw::{RawIdle, RawJob, RawRetry};
use crate::config::read::{At, Place, Section, Text, Time};
use crate::config::tree::Key;
use crate::config::{json, keys, options, suggest, validate};
use crate::model::Backoff;

/// Makes a job of what the file says.
pub(in crate::config) fn build(
    key: &Key,
    raw: RawJob,
    file: &Path,
    classes: Option<&dyn Classes>,
    problems: &mut Vec<Problem>,
) -> Option<JobConfig> {
    validate::name("job", key, problems);
    let class = class(key, &raw, classes, problems);
    if let (Some(classes), Some(class)) = (classes, &class)
        && classes.names().contains(&class.as_str())
    {
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
        labels: raw
            .labels
            .map_or_else(BTreeMap::new, |labels| labels.value.texts()),
        interval: raw.interval.map_or(Duration::ZERO, |time| time.value.0),
        idle: idle(raw.idle, problems),
        record_timeout: raw.record_timeout.map(|time| time.value.0),
        stuck_after: raw.stuck_after.map(|time| time.value.0),
        prepare_ahead: raw
            .prepare_ahead
            .map_or(Duration::ZERO, |time| time.value.0),
        lock_delay: raw.lock_delay.map_or(Duration::ZERO, |time| time.value.0),
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
    let registered = classes
        .filter(|classes| classes.is_complete())
        .map(Classes::names);
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
        return IDLE;
    };
    let Backoff {
        min: low,
        max: high,
    } = IDLE;
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
