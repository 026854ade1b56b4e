//! Data on stdout, the rest on stderr; closed pipes, colours, help.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::process::{PR_CLI, Place};

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    for command in [
        &["jobs"][..],
        &["schema"],
        &["--help"],
        &["completions", "bash"],
    ] {
        let place = Place::new();
        let mut child = place.command(PR_CLI, command);
        let mut child = child
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The reading end is closed before anything can be written.
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(ended.stderr).unwrap();
        assert!(!stderr.contains("panicked"), "{command:?}: {stderr}");
        assert_eq!(ended.status.code(), Some(0), "{command:?}: {stderr}");
    }
}

#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    let place = Place::with_config(
        "jobs: { once: { class: Command, options: { command: [\"sh\", \"-c\", \"echo hello; exit 75\"] } } }\n",
    );
    let mut child = place.command(PR_CLI, &["run", "--until-idle"]);
    let mut child = child.stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_full_disk_is_told() {
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let place = Place::new();
    let mut command = place.command(PR_CLI, &["jobs"]);
    let ended = command.stdout(full).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("cannot write to stdout"));
}

#[test]
fn documents_for_programs_are_on_stdout_and_carry_a_version() {
    let place = Place::with_config("jobs: { a: { class: Command } }\n");
    let jobs = place.pr_cli(&["jobs", "--json"]);
    let jobs: Value = serde_json::from_str(&jobs.stdout).unwrap();
    assert_eq!(jobs["v"], 1);
    assert_eq!(jobs["classes"][0]["class"], "Command");
    assert_eq!(jobs["classes"][0]["options"]["required"][0], "command");
    let problems = place.pr_cli(&["validate", "--format", "json"]);
    assert_eq!(problems.code, Some(78), "{problems:?}");
    assert_eq!(problems.stderr, "");
    let problems: Value = serde_json::from_str(&problems.stdout).unwrap();
    assert_eq!(problems["v"], 1);
    let schema = place.pr_cli(&["schema"]);
    let schema: Value = serde_json::from_str(&schema.stdout).unwrap();
    assert!(schema["$schema"].as_str().unwrap().contains("draft-07"));
}

#[test]
fn the_json_log_is_one_object_a_line() {
    let place = Place::with_config(
        "jobs: { once: { class: Command, options: { command: [\"sh\", \"-c\", \"echo hello; exit 75\"] } } }\n",
    );
    let ended = place.pr_cli(&["run", "--until-idle", "--log-format", "json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = ended
        .stderr
        .lines()
        .filter(|line| !line.starts_with("app: "));
    let lines: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let hello = lines
        .iter()
        .find(|line| line["message"] == "hello")
        .unwrap();
    assert_eq!(hello["job"], "once");
    assert_eq!(hello["index"], 0);
    assert_eq!(hello["stream"], "stdout");
}

#[test]
fn nothing_but_a_terminal_gets_colours() {
    let place = Place::with_config("jobs: { a: { class: Nope } }\nwhat: 1\n");
    let ended = place.pr_cli(&["validate"]);
    assert!(!ended.stderr.contains('\u{1b}'), "{ended:?}");
}

#[test]
fn help_is_data_and_names_what_there_is() {
    let place = Place::new();
    let help = place.pr_cli(&["--help"]);
    assert_eq!((help.code, &*help.stderr), (Some(0), ""));
    for part in [
        "run",
        "validate",
        "jobs",
        "schema",
        "status",
        "nodes",
        "workers",
        "explain",
        "scale",
        "pause",
        "resume",
        "restart",
        "kick",
        "quiet",
        "resume-node",
        "drain",
        "stop",
        "dump",
        "raise-epoch",
        "completions",
        "Exit codes",
    ] {
        assert!(help.stdout.contains(part), "{part}: {}", help.stdout);
    }
    let run = place.pr_cli(&["run", "--help"]).stdout;
    for part in [
        "--environment",
        "--job",
        "--node-name",
        "--until-idle",
        "--wait",
        "[default: 30s]",
        "--log-format",
        "--app",
    ] {
        assert!(run.contains(part), "{part}: {run}");
    }
    let own = place.app(&["run", "--help"]).stdout;
    assert!(!own.contains("--app"), "{own}");
}

#[test]
fn completions_are_accepted_by_the_shell() {
    let script = Place::new().pr_cli(&["completions", "bash"]).stdout;
    let checked = Command::new("bash").args(["-n", "-c", &script]).status();
    assert!(checked.unwrap().success());
}
