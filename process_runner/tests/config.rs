//! Golden tests: each `tests/config/*.yml` against the `.expected` beside it.
//!
//! `UPDATE_EXPECT=1 cargo test -p process_runner --test config` writes what is printed now. A first
//! line `# -e NAME` chooses the environment; `# no classes` leaves classes unchecked.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

use std::fmt::Write;
use std::path::{Path, PathBuf};

use process_runner::config::{
    AppSource, Classes, Coordination, Loaded, ProblemKind, Problems, Request, load,
};
use process_runner::lock::LockDriver;
use process_runner::prelude::*;
use process_runner::{JobClass, OptionError, Place, Registry, StateRequirement, States};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

/// The options of `ProcessQueue`, with the attributes that `#[job]` writes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct QueueOptions {
    /// How many records at once.
    batch_size: u32,
    dry_run: bool,
    feeds: Vec<Feed>,
    limits: Option<Limits>,
    mode: Mode,
}

#[derive(Deserialize, Serialize, JsonSchema, Default)]
enum Mode {
    #[default]
    Fast,
    Slow {
        pause: u32,
    },
    Careful(Limits),
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self {
            batch_size: 1000,
            dry_run: false,
            feeds: Vec::new(),
            limits: None,
            mode: Mode::Fast,
        }
    }
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Feed {
    url: String,
    weight: u8,
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Limits {
    soft: u32,
    hard: u32,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape counts")]
struct MailerOptions {
    sender: String,
    relay: String,
}

struct ProcessQueue;
struct Mailer;

/// What `#[job]` would write, in as few words as possible: nothing here ever runs.
macro_rules! class {
    ($name:ident, $options:ty) => {
        impl Job for $name {
            type Record = ();
            async fn lock_records(&mut self, _cx: &WorkerContext) -> JobResult<Vec<()>> {
                Ok(Vec::new())
            }
            async fn process_record(&mut self, _cx: &WorkerContext, _: &()) -> JobResult<()> {
                Ok(())
            }
            async fn unlock_records(&mut self, _cx: &WorkerContext) -> JobResult<()> {
                Ok(())
            }
        }

        impl JobClass for $name {
            const NAME: &'static str = stringify!($name);
            const LOCK_DRIVER: &'static str = "etcd";
            const PLACE: Place = Place {
                file: file!(),
                line: line!(),
            };
            type Options = $options;
            fn requirements() -> Vec<StateRequirement> {
                Vec::new()
            }
            fn build(_options: $options, _states: &States) -> Result<Self, &'static str> {
                Ok(Self)
            }
            fn lock_driver(_states: &States) -> Option<Box<dyn LockDriver>> {
                None
            }
        }
    };
}
class!(ProcessQueue, QueueOptions);
class!(Mailer, MailerOptions);

/// The variables every golden test sees. The values must never be printed.
fn variables(name: &str) -> Option<String> {
    let value = match name {
        "SECRET" => "hunter2",
        "FOUR" => "4",
        "EMPTY" => "",
        "BAD_CLASS" => "hunter2_class",
        _ => return None,
    };
    Some(value.to_owned())
}

fn registry() -> Registry {
    App::new()
        .job::<ProcessQueue>()
        .job::<Mailer>()
        .into_registry()
        .unwrap_or_else(|errors| panic!("{errors}"))
}

fn run(path: &Path) -> Result<Loaded, Problems> {
    let text = std::fs::read(path).unwrap();
    let text = String::from_utf8_lossy(&text);
    let head = text.lines().next().unwrap_or_default();
    let registry = registry();
    let classes: &dyn Classes = &OwnClasses(registry);
    load(&Request {
        path: Some(path),
        environment: head.strip_prefix("# -e "),
        env: &variables,
        classes: (head != "# no classes").then_some(classes),
    })
}

fn render(mut result: Result<Loaded, Problems>, name: &str) -> String {
    let mut out = String::new();
    let problems = match &mut result {
        Ok(loaded) => {
            writeln!(out, "{:#?}", loaded.config).unwrap();
            for job in loaded.config.jobs.values_mut() {
                job.place.file = name.into();
                writeln!(out, "{job:#?}").unwrap();
            }
            writeln!(out, "{:#?}", loaded.config.coordination).unwrap();
            writeln!(out, "{:#?}", loaded.config.node).unwrap();
            &mut loaded.warnings
        }
        Err(problems) => problems,
    };
    problems.path = name.into();
    write!(out, "{problems}").unwrap();
    out
}

#[test]
fn every_file_says_what_is_expected() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config");
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut files: Vec<PathBuf> = std::fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "yml"))
        .collect();
    files.sort();
    assert!(files.len() > 10, "the golden files are gone");
    let mut wrong = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let actual = render(run(&file), &name).replace(&*directory.to_string_lossy(), "DIR");
        assert!(
            !actual.contains("hunter2"),
            "{name} shows a secret:\n{actual}"
        );
        let golden = file.with_extension("expected");
        if update {
            std::fs::write(&golden, &actual).unwrap();
        } else if std::fs::read_to_string(&golden).unwrap_or_default() != actual {
            wrong.push(format!("==== {name}\n{actual}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The classes of this file alone: what a built-in one says of itself is tested where it lives.
struct OwnClasses(Registry);

impl Classes for OwnClasses {
    fn names(&self) -> Vec<&str> {
        let mut names = Classes::names(&self.0);
        names.retain(|name| *name != "Command");
        names
    }

    fn check(&self, class: &str, options: &serde_json::Value) -> Result<(), OptionError> {
        self.0.check(class, options)
    }

    fn options_schema(&self, class: &str, generator: &mut SchemaGenerator) -> Option<Schema> {
        self.0.options_schema(class, generator)
    }
}

#[test]
fn the_schema_says_what_the_file_may() {
    let schema = process_runner::config::schema(Some(&OwnClasses(registry())));
    let actual = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/schema.json");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(golden, actual).unwrap();
    } else {
        assert_eq!(std::fs::read_to_string(golden).unwrap(), actual);
    }
}

/// A load of `path` without classes.
fn load_path(path: &Path) -> Result<Loaded, Problems> {
    load(&Request {
        path: Some(path),
        environment: None,
        env: &|_| None,
        classes: None,
    })
}

#[test]
fn a_name_without_its_end_finds_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config");
    let good = "jobs: { a: { class: A } }";
    let code = |path: &Path| load_path(path).unwrap_err().list[0].code;

    assert_eq!(code(&config), "PR0001");
    assert_eq!(load_path(&config).unwrap_err().kind, ProblemKind::Missing);
    std::fs::create_dir(&config).unwrap();
    assert_eq!(code(&config), "PR0003");
    for name in ["config/process_runner.yml", "config.yaml", "config.yml"] {
        let path = directory.path().join(name);
        std::fs::write(&path, good).unwrap();
        assert_eq!(load_path(&config).unwrap().path, path);
    }
    assert_eq!(code(&directory.path().join("confi")), "PR0001");
    let exact = directory.path().join("other");
    std::fs::write(&exact, good).unwrap();
    assert_eq!(load_path(&exact).unwrap().path, exact);
}

#[test]
fn a_file_that_cannot_be_read_is_its_own_problem() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("loop.yml");
    std::os::unix::fs::symlink(&link, &link).unwrap();
    let problems = load_path(&link).unwrap_err();
    assert_eq!(problems.list[0].code, "PR0002");
    assert_eq!(problems.kind, ProblemKind::Unreadable);

    // An endless file ends at the limit.
    let problems = load_path(Path::new("/dev/zero")).unwrap_err();
    assert_eq!(problems.list[0].code, "PR0004");
}

#[test]
fn relative_paths_start_at_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.yml");
    let text = "app: { path: ./bin/app }\netcd: { endpoints: ['https://a:1'], ca: ca.pem, cert: /abs/c, key: k }\njobs: { a: { class: A } }";
    std::fs::write(&path, text).unwrap();
    let config = load_path(&path).unwrap().config;
    let app = directory.path().join("./bin/app");
    assert_eq!(config.app, Some(AppSource::Path(app)));
    let Coordination::Etcd(etcd) = config.coordination else {
        panic!("endpoints mean a cluster");
    };
    let tls = etcd.tls.unwrap();
    assert_eq!(tls.ca, Some(directory.path().join("ca.pem")));
    let client = (PathBuf::from("/abs/c"), directory.path().join("k"));
    assert_eq!(tls.client, Some(client));
}

#[test]
fn the_configuration_knows_nothing_of_what_runs() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![source.join("config")];
    let mut files = vec![source.join("config.rs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let list = if path.is_dir() {
                &mut folders
            } else {
                &mut files
            };
            list.push(path);
        }
    }
    assert!(files.len() > 20, "the sources moved: {files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for layer in ["runtime", "coordination", "embedded", "lock"] {
            let path = format!("crate::{layer}");
            assert!(!text.contains(&path), "{} names {path}", file.display());
        }
        let names_yaml = text.contains("serde_yaml::");
        let may = file.ends_with("config/scalar.rs");
        assert_eq!(names_yaml, may, "{} and serde_yaml", file.display());
    }
}
