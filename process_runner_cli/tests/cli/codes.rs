//! Every exit code that can be reached without breaking the machine, and what is said with it.

use rustix::process::Signal;

use crate::process::{PR_CLI, Place, awkward_app};

const TICKER: &str = "\
jobs:
  ticker:
    class: Command
    workers: 3
    options: { command: [\"true\"] }
";

#[test]
fn a_valid_file_is_0() {
    let ended = Place::with_config(TICKER).pr_cli(&["validate"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout, "ok: 1 job, 3 workers\n");
    assert_eq!(ended.stderr, "");
}

#[test]
fn all_environments_are_checked_and_named() {
    let place = Place::with_config(&format!(
        "environments:\n  development: {{}}\n  production: {{ max_workers: 50 }}\n{TICKER}"
    ));
    let ended = place.pr_cli(&["validate", "--all-envs"]);
    assert_eq!(
        ended.stdout,
        "ok: 1 job, 3 workers in development, production\n"
    );
    let place = Place::with_config(&format!(
        "environments:\n  development: {{}}\n  production: {{ node: {{ name: \"${{NOPE:?set it}}\" }} }}\n{TICKER}"
    ));
    assert_eq!(place.pr_cli(&["validate"]).code, Some(0));
    let ended = place.pr_cli(&["validate", "--all-envs"]);
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(ended.stderr.contains("NOPE"), "{ended:?}");
}

#[test]
fn an_unusable_app_is_1() {
    let ended = Place::with_config(TICKER).pr_cli(&["run", "--app", "no/such/app"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("no/such/app (from --app) does not exist"),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("  help: "), "{ended:?}");
}

#[test]
fn a_job_that_keeps_failing_is_1_when_asked_to_end() {
    let place = Place::with_config(
        "jobs: { bad: { class: AlwaysFails, retry: { min: 1ms, max: 2ms } } }\n",
    );
    let ended = place.app(&["run", "--until-idle"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("no luck"), "{ended:?}");
}

#[test]
fn wrong_arguments_are_2() {
    let place = Place::with_config(TICKER);
    for args in [
        &["fly"][..],
        &[],
        &["run", "--wait", "soon"],
        &["run", "--job", "nope"],
        &["validate", "--format", "xml"],
    ] {
        let ended = place.pr_cli(args);
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{args:?}");
        assert!(!ended.stderr.is_empty(), "{args:?}");
    }
    let ended = place
        .command(PR_CLI, &["run"])
        .env("RUST_LOG", "=,=")
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(2));
}

#[test]
fn an_app_that_is_pr_cli_itself_is_2_and_no_endless_loop() {
    let ended = Place::with_config(TICKER).pr_cli(&["run", "--app", PR_CLI]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("is `pr-cli` itself"), "{ended:?}");
}

#[test]
fn workers_that_do_not_let_go_are_3() {
    let place = Place::with_config(
        "global: { shutdown_timeout: 1s }\njobs: { stuck: { class: NeverUnlocks } }\n",
    );
    let mut node = place.start(awkward_app(), &["run"]);
    node.wait_for("worker starts");
    node.signal(Signal::TERM);
    assert_eq!(node.end(), Some(3));
}

#[test]
fn a_missing_file_is_66() {
    for command in ["validate", "run"] {
        let ended = Place::new().pr_cli(&[command, "nope.yml"]);
        assert_eq!(ended.code, Some(66), "{ended:?}");
        assert!(ended.stderr.contains("nope.yml"), "{ended:?}");
    }
}

#[test]
fn an_etcd_that_does_not_answer_is_69() {
    // The discard port of this machine: nobody listens there.
    let etcd = "etcd: { endpoints: [\"http://127.0.0.1:9\"] }\n";
    let place = Place::with_config(&format!("{etcd}{TICKER}"));
    let ended = place.pr_cli(&["run", "--wait", "100ms"]);
    assert_eq!(ended.code, Some(69), "{ended:?}");
    assert!(ended.stderr.contains("127.0.0.1:9"), "{ended:?}");
}

#[test]
fn a_wrong_file_is_78_and_every_problem_is_told() {
    let text = "jobs:\n  a: { class: Command, workers: many }\n  b: { clas: Command }\n";
    let place = Place::with_config(text);
    for command in ["validate", "run"] {
        let ended = place.pr_cli(&[command]);
        assert_eq!(ended.code, Some(78), "{ended:?}");
        assert_eq!(ended.stdout, "");
        for part in ["many", "clas", "config.yml:2:", "config.yml:3:"] {
            assert!(ended.stderr.contains(part), "{part}: {ended:?}");
        }
    }
}

#[test]
fn a_class_that_is_not_registered_is_78_with_the_list_and_the_nearest() {
    let place = Place::with_config("jobs: { bad: { class: AlwaysFail } }\n");
    let ended = place.app(&["run"]);
    assert_eq!(ended.code, Some(78), "{ended:?}");
    for part in ["AlwaysFails", "NeverUnlocks", "Command"] {
        assert!(ended.stderr.contains(part), "{part}: {ended:?}");
    }
}

#[test]
fn a_stopped_node_is_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let place = Place::with_config(TICKER);
        let mut node = place.start(PR_CLI, &["run"]);
        node.wait_for("worker starts");
        node.signal(signal);
        assert_eq!(node.end(), Some(0));
    }
}
