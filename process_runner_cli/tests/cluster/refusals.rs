//! Steering commands tried with what does not exist or makes no sense: clear words, the right exit
//! code, and nothing changed.

use serde_json::Value;

use crate::node::{Place, ticked};

const EMBEDDED: &str = "{ embedded: true, lease_ttl: 5s }";

/// What a command said on stderr; it must end with `code` and print no data.
fn refused(place: &Place, words: &[&str], code: i32) -> String {
    let output = place.output(words);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "", "{words:?}");
    said
}

/// What operators can change.
fn changeable(status: &Value) -> Value {
    let states = status["nodes"].as_array().unwrap().iter();
    let states: Vec<_> = states.map(|node| node["state"].clone()).collect();
    let jobs = status["jobs"].as_array().unwrap().iter();
    let jobs: Vec<_> = jobs
        .map(|job| {
            (
                job["workers"].clone(),
                job["overridden"].clone(),
                job["paused"].clone(),
            )
        })
        .collect();
    serde_json::json!({ "states": states, "jobs": jobs })
}

#[test]
fn wrong_names_and_numbers_change_nothing() {
    let place = Place::new(EMBEDDED, 3);
    let mut node = place.start("alpha");
    ticked(&mut node, "alpha", 0);
    let before = changeable(&place.status());

    for command in [
        "scale wrok 3",
        "pause wrok",
        "resume wrok",
        "restart wrok",
        "kick wrok",
        "explain wrok",
    ] {
        let words: Vec<_> = command.split(' ').collect();
        let said = refused(&place, &words, 1);
        assert_eq!(
            said, "error: there is no job `wrok`; jobs: ticker\n",
            "{command}"
        );
    }
    let said = refused(&place, &["scale", "tikcer", "3"], 1);
    assert!(said.contains("did you mean `ticker`?"), "{said}");
    for command in ["quiet", "resume-node", "drain", "stop", "dump"] {
        let said = refused(&place, &[command, "alhpa"], 1);
        let expected = "error: there is no node `alhpa`; did you mean `alpha`? (nodes: alpha)\n";
        assert_eq!(said, expected, "{command}");
    }
    let said = refused(&place, &["scale", "ticker", "-4"], 1);
    assert!(said.contains("has 3 workers and cannot have -1"), "{said}");
    let said = refused(&place, &["scale", "ticker", "+1000000"], 1);
    assert!(said.contains("a job has 0 to 1000000"), "{said}");
    let said = refused(&place, &["restart", "ticker@3"], 1);
    assert!(
        said.contains("the workers of `ticker` are 0 to 2"),
        "{said}"
    );
    assert_eq!(changeable(&place.status()), before);
}

#[test]
fn what_cannot_be_understood_is_2_and_says_how_it_is_written() {
    let place = Place::new(EMBEDDED, 3);
    for (command, part) in [
        ("scale ticker", "required"),
        ("scale ticker many", "a number of workers like 8"),
        ("scale ticker 1.5", "a number of workers like 8"),
        ("scale ticker 5000000000", "more than a job can have"),
        ("scale ticker 3 --reset", "cannot be used with"),
        ("pause ticker --for 5", "needs a unit"),
        ("pause ticker --for -1s", "cannot be negative"),
        ("restart ticker@-1", "a worker index"),
        ("explain @1", "a job's name comes first"),
        ("drain a --timeout 1s", "--wait"),
        ("quiet", "required"),
    ] {
        let words: Vec<_> = command.split(' ').collect();
        let said = refused(&place, &words, 2);
        assert!(said.contains(part), "{command}: {said}");
    }
}

#[test]
fn without_etcd_every_command_is_69_and_without_a_node_says_so() {
    let commands = [
        "status",
        "nodes",
        "workers",
        "explain ticker",
        "scale ticker 3",
        "pause ticker",
        "resume ticker",
        "restart ticker",
        "kick ticker",
        "quiet a",
        "resume-node a",
        "drain a",
        "stop a",
        "dump a",
    ];
    let place = Place::new(EMBEDDED, 3);
    for command in commands {
        let mut words: Vec<_> = command.split(' ').collect();
        let said = refused(&place, &words, 1);
        assert!(
            said.contains("no node runs on this machine"),
            "{command}: {said}"
        );
        // The discard port of this machine: nobody listens there.
        words.extend(["--endpoints", "http://127.0.0.1:9"]);
        let said = refused(&place, &words, 69);
        assert!(
            said.contains("etcd does not answer at http://127.0.0.1:9"),
            "{command}: {said}"
        );
    }
}

#[test]
fn an_override_is_written_shown_and_reset() {
    let place = Place::new(EMBEDDED, 3);
    let mut node = place.start("a");
    ticked(&mut node, "a", 0);
    let said = |words: &[&str]| {
        let output = place.output(words);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(
        said(&["scale", "ticker", "+2"]),
        "ticker: 3 -> 5 workers (configured: 3; `pr-cli scale ticker --reset` returns to it)\n"
    );
    let status = place.status();
    let job = &status["jobs"][0];
    assert_eq!(
        (&job["workers"], &job["configured"]),
        (&5.into(), &3.into())
    );
    assert_eq!(job["overridden"], true);
    let scaled: Value = serde_json::from_str(&said(&["scale", "ticker", "-1", "--json"])).unwrap();
    assert_eq!(
        (&scaled["v"], &scaled["before"], &scaled["after"]),
        (&1.into(), &5.into(), &4.into())
    );
    assert_eq!(
        said(&["scale", "ticker", "--reset"]),
        "ticker: 4 -> 3 workers (as configured)\n"
    );
    let paused = said(&["pause", "ticker", "--for", "2h", "--reason", "migration"]);
    assert!(paused.starts_with("ticker: runs -> paused by "), "{paused}");
    assert!(
        paused.contains(" for another 2h: migration (`pr-cli resume"),
        "{paused}"
    );
    assert_eq!(place.status()["jobs"][0]["paused"]["reason"], "migration");
    assert!(said(&["resume", "ticker"]).ends_with("-> runs (3 workers)\n"));
    assert_eq!(place.status()["jobs"][0]["paused"], Value::Null);
}

#[test]
fn what_people_read_fits_a_terminal_and_has_no_colour() {
    let place = Place::new(EMBEDDED, 3);
    let mut node = place.start("a");
    ticked(&mut node, "a", 2);
    for command in [
        "status",
        "nodes",
        "workers",
        "explain ticker",
        "explain ticker@1",
    ] {
        let words: Vec<_> = command.split(' ').collect();
        let output = place.output(&words);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{command}");
        assert!(!text.contains('\u{1b}'), "{text}");
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{command}: {line}");
        }
    }
}
