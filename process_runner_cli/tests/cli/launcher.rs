//! From a package of jobs to the process that runs them.

use std::path::Path;

use crate::process::{Ended, PR_CLI, Place, awkward_app, target};

const JOBS: &str = r#"
use process_runner::prelude::*;

/// Greets.
#[job(lock_driver = "etcd")]
pub struct Greeter {
    #[job(default = "world".to_owned())]
    name: String,
}

impl Job for Greeter {
    type Record = ();

    async fn lock_records(&mut self, _cx: &WorkerContext) -> JobResult<Vec<()>> {
        std::fs::write("greeted", format!("{} {}", self.name, std::process::id()))?;
        Ok(Vec::new())
    }

    async fn process_record(&mut self, _cx: &WorkerContext, _record: &()) -> JobResult<()> {
        Ok(())
    }

    async fn unlock_records(&mut self, _cx: &WorkerContext) -> JobResult<()> {
        Ok(())
    }
}
"#;

const CONFIG: &str = "jobs: { hello: { class: Greeter, options: { name: you } } }\n";

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A package in a directory of its own, which builds in this workspace's target folder.
fn package(name: &str, dependencies: &[&str]) -> Place {
    let place = Place::new();
    let mut manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n\
         [profile.dev]\ndebug = \"line-tables-only\"\n[dependencies]\n"
    );
    for dependency in dependencies {
        let path = workspace().join(dependency);
        manifest += &format!("{dependency} = {{ path = \"{}\" }}\n", path.display());
    }
    place.write("Cargo.toml", &manifest);
    let lock = std::fs::read_to_string(workspace().join("Cargo.lock")).unwrap();
    place.write("Cargo.lock", &lock);
    place.write("config.yml", CONFIG);
    place
}

fn launch(place: &Place, args: &[&str]) -> Ended {
    let output = place
        .command(PR_CLI, args)
        .env("CARGO_TARGET_DIR", target().parent().unwrap())
        .env("CARGO_NET_OFFLINE", "true")
        .output();
    Ended::of(output.unwrap())
}

#[test]
fn a_library_gets_a_main_and_runs_in_the_same_process() {
    let place = package("launched_library", &["process_runner"]);
    place.write("src/lib.rs", JOBS);
    let child = place
        .command(PR_CLI, &["run", "--until-idle", "--no-guardian"])
        .env("CARGO_TARGET_DIR", target().parent().unwrap())
        .env("CARGO_NET_OFFLINE", "true")
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    let ended = Ended::of(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("package launched_library, the one around config.yml")
    );
    assert_eq!(place.read("greeted"), format!("you {pid}"));

    let jobs = launch(&place, &["jobs"]).stdout;
    assert!(
        jobs.contains("Greeter") && jobs.contains("name: string = \"world\""),
        "{jobs}"
    );
    place.write("config.yml", "jobs: { hello: { class: Greter } }\n");
    let wrong = launch(&place, &["validate"]);
    assert_eq!(wrong.code, Some(78), "{wrong:?}");
    assert!(wrong.stderr.contains("Greeter"), "{wrong:?}");
}

#[test]
fn a_package_that_does_not_build_says_so_and_is_1() {
    let place = package("launched_broken", &["process_runner"]);
    place.write("src/lib.rs", "this is not Rust\n");
    let ended = launch(&place, &["validate"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("could not build"), "{ended:?}");
}

#[test]
fn a_wrong_file_is_told_before_anything_is_built() {
    let place = package("launched_never", &["process_runner"]);
    place.write("src/lib.rs", "this is not Rust\n");
    place.write(
        "config.yml",
        "jobs: { hello: { class: Greeter, workers: many } }\n",
    );
    let ended = launch(&place, &["run"]);
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(!ended.stderr.contains("Compiling"), "{ended:?}");
}

#[test]
fn a_package_without_process_runner_is_no_app() {
    let place = package("launched_other", &[]);
    place.write("src/lib.rs", "");
    let ended = launch(&place, &["validate"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let why = "the package launched_other around the file does not depend on process_runner";
    assert!(ended.stderr.contains(why), "{ended:?}");
    assert!(
        ended.stderr.contains("were not checked: Greeter"),
        "{ended:?}"
    );
}

#[test]
fn several_binaries_need_a_choice() {
    let place = package("launched_many", &["process_runner", "process_runner_cli"]);
    place.write("src/bin/one.rs", "fn main() {}");
    place.write("src/bin/two.rs", "fn main() {}");
    let ended = launch(&place, &["jobs"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("several binaries: one, two"),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("default-run"), "{ended:?}");
}

#[test]
fn a_package_that_the_file_names_must_be_there() {
    let place = package("launched_named", &["process_runner"]);
    place.write("src/lib.rs", "");
    place.write(
        "config.yml",
        &format!("app: {{ package: nobody }}\n{CONFIG}"),
    );
    let ended = launch(&place, &["run"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("there is no package `nobody`"),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("launched_named"), "{ended:?}");
}

#[test]
fn without_cargo_it_says_what_to_install() {
    let place = package("launched_bare", &["process_runner"]);
    place.write("src/lib.rs", "");
    let mut command = place.command(PR_CLI, &["run"]);
    let output = command
        .env_remove("CARGO")
        .env("PATH", "/nonexistent")
        .output();
    let ended = Ended::of(output.unwrap());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("cargo is not installed"), "{ended:?}");
}

#[test]
fn an_executable_can_be_named_in_three_ways() {
    let jobs = "jobs: { bad: { class: AlwaysFails } }\n";
    let place = Place::with_config(jobs);
    std::os::unix::fs::symlink(awkward_app(), place.path().join("my-app")).unwrap();
    let check = |ended: Ended, from: &str| {
        assert_eq!(ended.code, Some(0), "{from}: {ended:?}");
        assert!(ended.stdout.contains("AlwaysFails"), "{from}: {ended:?}");
        assert!(ended.stderr.contains(from), "{from}: {ended:?}");
    };
    check(place.pr_cli(&["jobs", "--app", "my-app"]), "(--app)");
    let mut command = place.command(PR_CLI, &["jobs"]);
    let output = command.env("PR_APP", "./my-app").output();
    check(Ended::of(output.unwrap()), "(PR_APP)");
    // A path in the file counts from the file, wherever the command runs.
    place.write(
        "deep/config.yml",
        &format!("app: {{ path: ../my-app }}\n{jobs}"),
    );
    let ended = place.pr_cli(&["jobs", "deep/config.yml"]);
    check(ended, "`app:` in deep/config.yml");
}
