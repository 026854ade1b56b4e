//! What holds for every input, and what golden files cannot say.

use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use schemars::{Schema, SchemaGenerator};

use super::load::check;
use super::source::Source;
use super::*;
use crate::class::OptionError;

const GOOD: &str = include_str!("../../tests/config/good.yml");

/// What no message may show.
const SECRET: &str = "s3cr3tvalue";

/// Loads `bytes` as a file, with one secret in the environment.
fn load_bytes(bytes: &[u8], classes: Option<&dyn Classes>) -> Result<Loaded, Problems> {
    let env = |name: &str| match name {
        "SECRET" => Some(SECRET.to_owned()),
        "FOUR" => Some("4".to_owned()),
        _ => None,
    };
    let request = Request {
        path: None,
        environment: None,
        env: &env,
        classes,
    };
    check(
        Source::from_bytes(Path::new("c.yml"), bytes.to_vec())?,
        &request,
    )
}

fn load_text(text: &str) -> Result<Loaded, Problems> {
    load_bytes(text.as_bytes(), None)
}

/// Options of most shapes, for classes called as those of the good file.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape counts")]
struct Shapes {
    batch_size: u32,
    feeds: Vec<BTreeMap<String, u8>>,
    mode: Option<Mode>,
    #[serde(default)]
    sender: (u8, String),
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[expect(dead_code, reason = "only its shape counts")]
enum Mode {
    Fast,
    Slow { pause: f32 },
}

struct TwoClasses;

impl Classes for TwoClasses {
    fn names(&self) -> Vec<&str> {
        vec!["Mailer", "ProcessQueue"]
    }

    fn check(&self, _class: &str, options: &serde_json::Value) -> Result<(), OptionError> {
        let read: Result<Shapes, _> = serde_path_to_error::deserialize(options);
        read.map(drop).map_err(|error| OptionError {
            path: error.path().iter().map(ToString::to_string).collect(),
            message: error.inner().to_string(),
        })
    }

    fn options_schema(&self, _: &str, generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(generator.subschema_for::<Shapes>())
    }
}

/// Loads, with classes and without, and holds what must be true of any outcome.
fn survives(bytes: &[u8]) {
    outcome(load_bytes(bytes, None));
    outcome(load_bytes(bytes, Some(&TwoClasses)));
}

fn outcome(result: Result<Loaded, Problems>) {
    let problems = match &result {
        Ok(loaded) => {
            assert!(!loaded.warnings.has_errors());
            let Config {
                jobs, coordination, ..
            } = &loaded.config;
            let debug = format!("{:?} {jobs:?} {coordination:?}", loaded.config);
            assert!(!debug.contains(SECRET), "{debug}");
            &loaded.warnings
        }
        Err(problems) => {
            assert!(problems.has_errors());
            problems
        }
    };
    assert!(!problems.to_string().contains(SECRET), "{problems}");
    let mut last = 0;
    for problem in &problems.list {
        assert!(
            explain(problem.code).is_some(),
            "{} is in no table",
            problem.code
        );
        let labels = problem.primary.iter().chain(&problem.secondary);
        for Label { span, .. } in labels {
            let (start, end) = (span.start.byte, span.end.byte);
            assert!(
                problems.text.get(start..end).is_some(),
                "{problem}: {span:?}"
            );
        }
        let start = problem
            .primary
            .as_ref()
            .map_or(0, |label| label.span.start.byte);
        assert!(start >= last, "not in the order of the file");
        last = start;
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        survives(&bytes);
    }

    #[test]
    fn no_text_of_yaml_signs_makes_it_panic(text in "([-:{}\\[\\],&*!|>'\"#%@` \n\t?a-c~$<é\u{feff}]|<<: |jobs:|\\*a|&a |\\$\\{|\n  |\r\n|---\n|\\.\\.\\.\n|!!int |\u{85}|\u{2028}){0,60}") {
        survives(text.as_bytes());
    }

    #[test]
    fn no_mutation_of_a_good_file_makes_it_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>(), "[-:{}&*!|>'\"#\n $é]{1,3}"), 0..6)
    ) {
        let mut bytes = GOOD.as_bytes().to_vec();
        for (at, kind, byte, text) in edits {
            let at = at.index(bytes.len().max(1)).min(bytes.len());
            match kind {
                0 if at < bytes.len() => bytes[at] = byte,
                1 if at < bytes.len() => drop(bytes.remove(at)),
                2 => bytes.truncate(at),
                _ => drop(bytes.splice(at..at, text.bytes())),
            }
        }
        survives(&bytes);
    }
}

/// A bound that only a runaway exceeds, even unoptimised on a busy machine.
const SOON: Duration = Duration::from_secs(20);

#[test]
fn hostile_files_end_soon() {
    let mib = 1024 * 1024;
    let mut bomb = String::from("a0: &a0 [x]\n");
    for level in 1..60 {
        let before = level - 1;
        let uses = vec![format!("*a{before}"); 10].join(", ");
        bomb += &format!("a{level}: &a{level} [{uses}]\n");
    }
    let files = [
        ("10 MB of nesting", "[".repeat(10 * mib)),
        ("4 MiB of flow nesting", "[".repeat(4 * mib - 1)),
        ("4 MiB of block nesting", "- ".repeat(2 * mib - 1)),
        ("deep maps", "{a: ".repeat(mib - 1)),
        (
            "one long list",
            format!("a: [{}]", "1,".repeat(2 * mib - 10)),
        ),
        (
            "many keys",
            (0..200_000).map(|n| format!("k{n}: 1\n")).collect(),
        ),
        ("one endless scalar", "x".repeat(4 * mib - 1)),
        (
            "one endless quoted scalar",
            format!("\"{}\"", "\\n".repeat(2 * mib - 10)),
        ),
        ("one endless template", "${A".repeat(mib)),
        ("aliases of aliases", bomb),
        ("anchors in anchors", "&a [".repeat(mib / 2)),
        (
            "many merges",
            format!("a: &a {{x: 1}}\nb:\n  <<: [{}]\n", "*a,".repeat(90_000)),
        ),
        ("question marks", "? ".repeat(mib)),
        ("comments", "#\n".repeat(2 * mib - 1)),
    ];
    for (name, text) in files {
        let start = Instant::now();
        let result = load_bytes(text.as_bytes(), None);
        let spent = start.elapsed();
        println!("{name}: {spent:?}");
        let rendered = result.unwrap_err().to_string();
        assert!(rendered.len() < 100_000, "{name}: {} bytes", rendered.len());
        assert!(start.elapsed() < SOON, "{name} took {:?}", start.elapsed());
    }
}

#[test]
fn a_file_of_warnings_does_not_hide_its_error() {
    let job = "{ class: A, record_timeout: 2s, stuck_after: 1s }";
    let mut text = String::from("jobs:\n");
    for number in 0..150 {
        text += &format!("  j{number}: {job}\n");
    }
    let loaded = load_text(&text).unwrap();
    assert_eq!(loaded.warnings.list.len(), Problems::LIMIT);
    assert_eq!(loaded.warnings.omitted, 50);
    text += "  last: { class: A, wrokers: 1 }\n";
    let problems = load_text(&text).unwrap_err();
    assert_eq!(problems.omitted, 51);
    assert!(problems.list.iter().any(|problem| problem.code == "PR0103"));
}

#[test]
fn the_hash_follows_what_the_planner_needs_and_nothing_else() {
    let hash = |text: &str| load_text(text).unwrap().config.hash;
    let base = hash("jobs: { a: { class: A }, b: { class: B, workers: 2 } }");
    assert_eq!(
        base,
        hash("jobs: { b: { workers: 2, class: B }, a: { class: A } }")
    );
    assert_eq!(
        base,
        hash(
            "global: { max_workers: 2 }\njobs: { b: { workers: 2, class: B, interval: 1s, options: { x: 1 } }, a: { class: A } }"
        )
    );
    for other in [
        "jobs: { a: { class: A }, b: { class: B, workers: 3 } }",
        "jobs: { a: { class: A }, b: { class: C, workers: 2 } }",
        "jobs: { a: { class: A }, c: { class: B, workers: 2 } }",
        "jobs: { a: { class: A, max_per_node: 1 }, b: { class: B, workers: 2 } }",
        "jobs: { a: { class: A, labels: { x: y } }, b: { class: B, workers: 2 } }",
    ] {
        assert_ne!(base, hash(other), "{other}");
    }
}

#[test]
fn defaults_are_those_of_the_schema() {
    let shown = load_text("jobs: { a: { class: A } }").unwrap().config.shown;
    let text = shown.to_string();
    let spelled = load_text(&text).unwrap().config;
    let silent = load_text("jobs: { a: { class: A } }").unwrap().config;
    assert_eq!(spelled.coordination, silent.coordination);
    assert_eq!(spelled.node, silent.node);
    let (spelled, silent) = (&spelled.jobs["a"], &silent.jobs["a"]);
    assert_eq!((spelled.idle, spelled.retry), (silent.idle, silent.retry));
    assert_eq!(
        (spelled.interval, spelled.workers),
        (silent.interval, silent.workers)
    );
}

#[test]
fn an_environment_is_laid_over_global() {
    let text = "global: { max_workers: 1, shutdown_timeout: 5s, node: { zone: a, labels: { x: '1', y: '1' } } }
environments: { production: { max_workers: 50, node: { labels: { y: '2' } } } }
jobs: { a: { class: A } }";
    let node = |environment| {
        let env = |name: &str| (name == "PR_ENV").then(|| "production".to_owned());
        let nothing = |_: &str| None;
        let request = Request {
            path: None,
            environment: None,
            env: if environment { &env } else { &nothing },
            classes: None,
        };
        let source = Source::from_bytes(Path::new("c.yml"), text.into()).unwrap();
        check(source, &request).unwrap().config.node
    };
    let (development, production) = (node(false), node(true));
    assert_eq!(development.max_workers, Some(1));
    assert_eq!(production.max_workers, Some(50));
    assert_eq!(production.shutdown_timeout, Duration::from_secs(5));
    assert_eq!(production.zone.as_deref(), Some("a"));
    assert_eq!(production.labels["x"], "1");
    assert_eq!(production.labels["y"], "2");
}

#[test]
fn codes_are_unique_and_explained() {
    for (at, code) in CODES.iter().enumerate() {
        assert!(
            CODES[..at].iter().all(|other| other.code < code.code),
            "{}",
            code.code
        );
        assert_eq!(explain(code.code), Some(code.about));
    }
    assert_eq!(explain("PR9999"), None);
}

#[test]
fn the_cluster_is_found_while_the_jobs_are_broken() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.yml");
    let load = |text: &str| {
        std::fs::write(&path, text).unwrap();
        load_coordination(&Request {
            path: Some(&path),
            environment: None,
            env: &|_| None,
            classes: None,
        })
    };
    let broken_jobs = "jobs: { a: { wrokers: '${UNSET}' } }";
    let found = load(&format!(
        "etcd: {{ endpoints: ['http://a:1'], prefix: /x }}\n{broken_jobs}"
    ));
    assert_eq!(found.unwrap().prefix(), "/x");
    assert_eq!(load(broken_jobs).unwrap(), Coordination::default());
    let problems = load("etcd: { endpoints: ['a'] }").unwrap_err();
    assert_eq!(problems.list.len(), 1);
    assert_eq!(problems.list[0].code, "PR0121");
}
