//! For code scanning: SARIF 2.1.0, as little of it as is valid and useful.

use process_runner::config::{CODES, Label, Problem, Problems, Severity};
use serde_json::{Value, json};

use super::file;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Writes one document with one run.
pub(super) fn render(problems: &Problems) -> String {
    let uri = uri(&file(problems));
    let results: Vec<Value> = problems.list.iter().map(|row| result(row, &uri)).collect();
    let rules: Vec<Value> = CODES
        .iter()
        .map(|row| json!({ "id": row.code, "shortDescription": { "text": row.about } }))
        .collect();
    let driver = json!({
        "name": "process_runner",
        "version": env!("CARGO_PKG_VERSION"),
        "rules": rules,
    });
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": driver }, "columnKind": "unicodeCodePoints", "results": results }],
    });
    format!("{document}\n")
}

fn result(problem: &Problem, uri: &str) -> Value {
    let level = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let label = problem.primary.as_ref().map(|label| label.text.as_str());
    let parts = [
        label.filter(|text| !text.is_empty()),
        problem.help.as_deref(),
    ];
    let text = parts
        .into_iter()
        .flatten()
        .fold(problem.message.clone(), |text, part| text + "; " + part);
    let related: Vec<Value> = problem
        .secondary
        .iter()
        .map(|label| related(label, uri))
        .collect();
    json!({
        "ruleId": problem.code,
        "level": level,
        "message": { "text": text },
        "locations": [location(problem.primary.as_ref(), uri)],
        "relatedLocations": related,
    })
}

fn related(label: &Label, uri: &str) -> Value {
    let mut location = location(Some(label), uri);
    location["message"] = json!({ "text": label.text });
    location
}

fn location(label: Option<&Label>, uri: &str) -> Value {
    let mut physical = json!({ "artifactLocation": { "uri": uri } });
    if let Some(label) = label {
        let (start, end) = (label.span.start, label.span.end);
        physical["region"] = json!({
            "startLine": start.line,
            "startColumn": start.column,
            "endLine": end.line,
            "endColumn": end.column,
            "byteOffset": start.byte,
            "byteLength": end.byte - start.byte,
        });
    }
    json!({ "physicalLocation": physical })
}

/// The path as a URI reference.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri += &format!("%{byte:02X}");
        }
    }
    uri
}
