//! The class `Command` on a real node, started with the real shim.

use rustix::process::Signal;

use crate::process::{PR_CLI, Place, alive, wait_until_none};

/// A program with a child and a daemon, none of which listens to TERM.
const STUBBORN: &str = "\
jobs:
  stubborn:
    class: Command
    workers: 2
    options:
      command: [sh, -c, \"trap '' TERM; setsid sleep 1000 & sleep 1000 & echo ready; wait; wait\"]
      stop_timeout: 300ms
";

fn marked(place: &Place) -> (String, std::process::Command) {
    let mark = place.path().display().to_string();
    let mut command = place.command(PR_CLI, &["run"]);
    command.env("PR_TEST_MARK", &mark);
    (format!("PR_TEST_MARK={mark}"), command)
}

#[test]
fn a_program_learns_who_it_is() {
    let place = Place::with_config(
        "jobs:\n  once:\n    class: Command\n    options:\n      command: [sh, -c, \
         \"echo $PR_JOB $PR_WORKER_INDEX $PR_WORKERS $PR_NODE $PORT > out; exit 75\"]\n      \
         env: { PORT: 80 }\n",
    );
    let ended = place.pr_cli(&["run", "--until-idle", "--node-name", "me"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(place.read("out"), "once 0 1 me 80\n");
}

#[test]
fn an_ordered_stop_leaves_no_process_behind() {
    let place = Place::with_config(STUBBORN);
    let (mark, mut command) = marked(&place);
    let mut node = crate::process::Running::spawn(&mut command);
    node.wait_for("ready");
    node.wait_for("ready");
    assert!(alive(&mark) > 6);
    node.signal(Signal::TERM);
    assert_eq!(node.end(), Some(0));
    assert_eq!(alive(&mark), 0);
}

#[test]
fn a_killed_node_leaves_no_process_behind() {
    let guardian_alone = crate::process::Running::signal;
    let both = crate::process::Running::signal_all;
    for kill in [guardian_alone, both] {
        let place = Place::with_config(STUBBORN);
        let (mark, mut command) = marked(&place);
        let mut node = crate::process::Running::spawn(&mut command);
        node.wait_for("ready");
        node.wait_for("ready");
        kill(&node, Signal::KILL);
        assert_eq!(node.end(), None);
        wait_until_none(&mark);
    }
}

#[test]
fn a_failing_program_is_told_with_its_last_words_and_backed_off() {
    let place = Place::with_config(
        "jobs:\n  bad:\n    class: Command\n    retry: { min: 1ms, max: 2ms }\n    options: \
         { command: [sh, -c, \"echo last words >&2; exit 3\"] }\n",
    );
    let ended = place.pr_cli(&["run", "--until-idle"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    // Until it is given up: three times, and each is told once.
    let told = |text: &str| ended.stderr.matches(text).count();
    assert_eq!(told("exited with status 3"), 3, "{ended:?}");
    assert!(ended.stderr.contains("last words"), "{ended:?}");
    assert_eq!(told("a worker backs off"), 2, "{ended:?}");
}
