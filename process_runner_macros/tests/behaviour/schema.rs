//! The JSON Schema of a class's options is what an editor shows.

use serde_json::{Value, json};

use super::classes::class;

fn property(schema: &Value, name: &str) -> Value {
    schema["properties"][name].clone()
}

#[test]
fn documentation_and_defaults_are_in_the_schema() {
    let schema = class("ProcessQueue").options_schema();
    assert_eq!(schema["description"], "Every kind of field at once.");
    let batch_size = property(&schema, "batch_size");
    assert_eq!(
        batch_size["description"],
        "How many records one\niteration locks."
    );
    assert_eq!(batch_size["default"], 1000);
    assert_eq!(property(&schema, "directory")["default"], "/tmp");
    assert_eq!(property(&schema, "tags")["default"], json!([]));
    assert_eq!(property(&schema, "retry")["default"], json!({ "times": 3 }));
}

#[test]
fn only_options_without_a_default_are_required() {
    let schema = class("ProcessQueue").options_schema();
    assert_eq!(schema["required"], json!(["from"]));
    assert_eq!(schema["additionalProperties"], json!(false));
}

#[test]
fn attributes_of_schemars_and_names_of_serde_are_honoured() {
    let schema = class("ProcessQueue").options_schema();
    assert_eq!(property(&schema, "from")["maximum"], 10);
    assert_eq!(property(&schema, "start"), Value::Null);
    let import = class("imports/nightly").options_schema();
    assert_eq!(property(&import, "patience")["type"], "integer");
    assert_eq!(property(&import, "source-table")["type"], "string");
}

#[test]
fn nested_options_are_written_out() {
    let schema = class("ProcessQueue").options_schema();
    let times = &property(&schema, "retry")["properties"]["times"];
    assert_eq!(times["description"], "How often.");
    assert!(!schema.to_string().contains("$ref"), "{schema}");
}

#[test]
fn fields_that_are_no_options_are_not_in_the_schema() {
    let schema = class("ProcessQueue").options_schema();
    let names: Vec<&String> = schema["properties"]
        .as_object()
        .expect("a map")
        .keys()
        .collect();
    let expected = [
        "batch_size",
        "directory",
        "from",
        "limit",
        "present",
        "retry",
        "tags",
    ];
    assert_eq!(names, expected);
    assert_eq!(
        class("Plain").options_schema()["additionalProperties"],
        json!(false)
    );
}
