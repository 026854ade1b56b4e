//! `plan`: offline, with nothing running anywhere.

use crate::process::Place;

const TICKER: &str =
    "jobs: { ticker: { class: Command, workers: 4, options: { command: [\"true\"] } } }\n";

fn document(place: &Place, args: &[&str]) -> serde_json::Value {
    let ended = place.pr_cli(&[&["plan", "--json"], args].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn losses_joins_moves_and_what_is_left_over() {
    let place = Place::with_config(TICKER);
    let plan = document(
        &place,
        &["--nodes", "a:3,b:3", "--lose", "b", "--join", "c"],
    );
    assert_eq!(
        plan,
        serde_json::json!({
            "v": 1,
            "before": { "a": { "ticker": [0, 1] }, "b": { "ticker": [2, 3] } },
            "after": { "a": { "ticker": [0, 1] }, "c": { "ticker": [2, 3] } },
            "moves": [
                { "job": "ticker", "index": 2, "from": "b", "to": "c" },
                { "job": "ticker", "index": 3, "from": "b", "to": "c" },
            ],
            "unplaced": [],
        })
    );
    let plan = document(&place, &["--nodes", "a:3,b:3", "--lose", "b"]);
    assert_eq!(
        plan["after"],
        serde_json::json!({ "a": { "ticker": [0, 1, 2] } })
    );
    assert_eq!(plan["moves"].as_array().unwrap().len(), 1);
    let reason = "every node that may run it runs its max_workers, or the job's max_per_node";
    assert_eq!(
        plan["unplaced"],
        serde_json::json!([{ "job": "ticker", "index": 3, "reason": reason }])
    );
}

#[test]
fn without_a_change_nothing_moves() {
    let plan = document(
        &Place::with_config(TICKER),
        &["--nodes", "a,b", "--nodes", "c"],
    );
    assert_eq!(plan["before"], plan["after"]);
    assert_eq!(plan["before"]["a"]["ticker"].as_array().unwrap().len(), 2);
    assert_eq!(plan["moves"], serde_json::json!([]));
}

#[test]
fn labels_choose_nodes() {
    let place = Place::with_config(
        "global: { node: { labels: { role: cpu } } }\n\
         jobs:\n\
         \x20 train: { class: Command, workers: 3, labels: { role: gpu }, options: { command: [\"true\"] } }\n\
         \x20 serve: { class: Command, workers: 1, labels: { role: cpu }, options: { command: [\"true\"] } }\n",
    );
    let plan = document(&place, &["--nodes", "a,b+role=gpu"]);
    let expected = serde_json::json!({ "a": { "serve": [0] }, "b": { "train": [0, 1, 2] } });
    assert_eq!(plan["before"], expected);
    let plan = document(&place, &["--nodes", "a"]);
    assert_eq!(
        plan["unplaced"][0]["reason"],
        "no node has the labels role=gpu"
    );
}

#[test]
fn people_read_who_runs_what_what_moves_and_why_something_stands_still() {
    let place = Place::with_config(
        "jobs: { mail: { class: Command, workers: 8, max_per_node: 3, options: { command: [\"true\"] } } }\n",
    );
    let ended = place.pr_cli(&["plan", "--nodes", "a:4,b,c:2", "--lose", "b"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        ended.stdout,
        "\
before:
  a  3 of 4 workers
    mail  0-2
  b  3 workers
    mail  3-5
  c  2 of 2 workers
    mail  6,7
after losing b:
  a  3 of 4 workers
    mail  0-2
  c  2 of 2 workers
    mail  6,7
moves: 0
unplaced: 3
  mail  3-5  every node that may run it runs its max_workers, or the job's max_per_node
"
    );
    let ended = place.pr_cli(&["plan", "--nodes", "a,b,c"]);
    assert!(!ended.stdout.contains("moves"), "{ended:?}");
    let ended = place.pr_cli(&["plan", "--nodes", "a", "--lose", "a"]);
    assert!(
        ended.stdout.ends_with("  mail  0-7  there is no node\n"),
        "{ended:?}"
    );
}

#[test]
fn wrong_nodes_are_2_and_said_clearly() {
    let place = Place::with_config(TICKER);
    for (args, said) in [
        (
            &["--nodes", "a,b", "--lose", "c"][..],
            "node `c` is not there to lose; there are: a, b",
        ),
        (
            &["--nodes", "a,b", "--lose", "a,a"],
            "node `a` is lost twice",
        ),
        (&["--nodes", "a,b", "--lose", ""], "node `` is not there"),
        (&["--nodes", "a,a"], "node `a` is there twice"),
        (
            &["--nodes", "a,b", "--lose", "a", "--join", "a"],
            "node `a` is there twice",
        ),
        (&["--nodes", ""], "it has no name"),
        (&["--nodes", "a:-1"], "from 1 to 1000000"),
        (&["--nodes", "a:0"], "from 1 to 1000000"),
        (&["--nodes", "a:1000001"], "from 1 to 1000000"),
        (&["--nodes", "a:99999999999999999999"], "from 1 to 1000000"),
        (&["--nodes", "a", "--join", "b:x"], "from 1 to 1000000"),
        (&["--nodes", "a b"], "a name is"),
        (&[], "--nodes"),
    ] {
        let ended = place.pr_cli(&[&["plan"], args].concat());
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{args:?}");
        assert!(ended.stderr.contains(said), "{args:?}: {ended:?}");
    }
}

#[test]
fn a_wrong_or_missing_file_is_told_as_everywhere() {
    let place = Place::with_config("jobs: { a: { class: Command, workers: many } }\n");
    let ended = place.pr_cli(&["plan", "--nodes", "a"]);
    assert_eq!(ended.code, Some(78), "{ended:?}");
    let ended = place.pr_cli(&["plan", "nope.yml", "--nodes", "a"]);
    assert_eq!(ended.code, Some(66), "{ended:?}");
}
