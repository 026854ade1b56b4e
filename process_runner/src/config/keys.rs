//! A key that does not exist: what was meant, and what there is.

use super::problem::Problem;
use super::suggest;
use super::tree::Entry;

/// Words of other systems, and ours.
const FOREIGN: [(&str, &[&str]); 27] = [
    ("class_name", &["class"]),
    ("type", &["class"]),
    ("job", &["class", "jobs"]),
    ("job_class", &["class"]),
    ("concurrency", &["workers", "max_workers"]),
    ("threads", &["workers", "max_workers"]),
    ("max_threads", &["max_workers"]),
    ("processes", &["workers", "max_workers"]),
    ("count", &["workers"]),
    ("replicas", &["workers"]),
    ("timeout", &["shutdown_timeout", "record_timeout"]),
    ("stop_timeout", &["shutdown_timeout"]),
    ("every", &["interval"]),
    ("period", &["interval"]),
    ("sleep", &["interval"]),
    ("retries", &["retry"]),
    ("attempts", &["record"]),
    ("args", &["options"]),
    ("params", &["options"]),
    ("hosts", &["endpoints"]),
    ("urls", &["endpoints"]),
    ("ttl", &["lease_ttl"]),
    ("user", &["username"]),
    ("namespace", &["prefix"]),
    ("selector", &["labels"]),
    ("node_selector", &["labels"]),
    ("tags", &["labels"]),
];

/// Where keys live that are often written one level too high or too low.
const HOMES: [(&str, &[&str]); 6] = [
    (
        "at the top level of the file",
        &["app", "etcd", "global", "environments", "jobs"],
    ),
    (
        "in `etcd`",
        &["endpoints", "prefix", "lease_ttl", "embedded", "data_dir"],
    ),
    (
        "in `global` or an environment",
        &["max_workers", "shutdown_timeout", "node"],
    ),
    ("in `node`", &["zone", "weight"]),
    ("in `node` or a job", &["labels"]),
    (
        "in a job",
        &[
            "class",
            "workers",
            "max_per_node",
            "interval",
            "idle",
            "retry",
            "options",
        ],
    ),
];

/// The problem with an unknown key of `owner`, which has the keys `known`.
pub(super) fn unknown(entry: &Entry, owner: &str, known: &[&str]) -> Problem {
    let key = entry.key.text.as_str();
    let span = entry.key.span;
    let message = format!("unknown key `{}` in {owner}", shown(key));
    let home = HOMES.iter().find(|(_, keys)| keys.contains(&key));
    let text = match (home, meant(key, known)) {
        (Some((home, _)), _) => format!("it belongs {home}"),
        (None, names) => suggest::question(&names),
    };
    let problem = Problem::at("PR0103", span, message).label(span, text);
    problem.note(format!("keys: {}", known.join(", ")))
}

/// What `key` may stand for.
pub(super) fn meant<'a>(key: &str, known: &[&'a str]) -> Vec<&'a str> {
    let foreign = FOREIGN.iter().find(|(word, _)| *word == key);
    let ours = foreign.map_or(&[][..], |(_, ours)| ours);
    let meant: Vec<&str> = known
        .iter()
        .copied()
        .filter(|name| ours.contains(name))
        .collect();
    if meant.is_empty() {
        suggest::nearest(key, known.iter().copied())
    } else {
        meant
    }
}

/// A key that fits on a line.
pub(super) fn shown(key: &str) -> String {
    let short: String = key.chars().take(60).filter(|c| !c.is_control()).collect();
    if short.len() < key.len() {
        short + "…"
    } else {
        short
    }
}
