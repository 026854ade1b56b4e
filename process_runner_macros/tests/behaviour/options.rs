//! Options that do not fit are refused, with the way to what is wrong.

use serde_json::{Value, json};

use super::classes::class;

fn refused(name: &str, options: Value) -> (String, String) {
    let error = class(name)
        .check_options(&options)
        .expect_err("these options are wrong");
    (error.path.join("."), error.message)
}

#[test]
fn defaults_fill_what_is_left_out() {
    let queue = class("ProcessQueue");
    assert_eq!(queue.check_options(&json!({ "from": 1 })), Ok(()));
    let all = json!({
        "from": 1, "batch_size": 2, "directory": "/", "tags": ["a"], "limit": null,
        "retry": { "times": 0 }, "present": -1
    });
    assert_eq!(queue.check_options(&all), Ok(()));
}

#[test]
fn an_option_without_a_default_is_asked_for() {
    let (path, message) = refused("ProcessQueue", json!({}));
    assert_eq!(
        (path.as_str(), message.as_str()),
        ("", "missing field `from`")
    );
}

#[test]
fn no_options_at_all_are_an_empty_map() {
    assert_eq!(class("Plain").check_options(&Value::Null), Ok(()));
    let (_, message) = refused("ProcessQueue", Value::Null);
    assert_eq!(message, "missing field `from`");
}

#[test]
fn an_unknown_key_is_refused_with_the_known_ones() {
    let (path, message) = refused("imports/nightly", json!({ "source_table": "t" }));
    assert_eq!(path, "source_table");
    let expected = "unknown field `source_table`, expected `source-table` or `patience`";
    assert_eq!(message, expected);
    let (path, _) = refused("Plain", json!({ "anything": 1 }));
    assert_eq!(path, "anything");
}

#[test]
fn a_wrong_type_is_refused_where_it_stands() {
    let (path, message) = refused(
        "ProcessQueue",
        json!({ "from": 1, "retry": { "times": "x" } }),
    );
    assert_eq!(path, "retry.times");
    assert_eq!(message, "invalid type: string \"x\", expected u32");
    let (path, _) = refused("ProcessQueue", json!({ "from": 1, "tags": ["a", 2] }));
    assert_eq!(path, "tags.1");
}

#[test]
fn state_and_working_storage_cannot_be_configured() {
    for field in ["pool", "seen", "left"] {
        let (path, message) = refused("ProcessQueue", json!({ "from": 1, field: null }));
        assert_eq!(path, field);
        assert!(message.starts_with("unknown field"), "{message}");
    }
}

#[test]
fn what_is_no_map_is_told_so() {
    let (path, message) = refused("ProcessQueue", json!("fast"));
    let expected = "invalid type: string \"fast\", expected the options of `ProcessQueue`, a map";
    assert_eq!((path.as_str(), message.as_str()), ("", expected));
}
