//! A tree as JSON: for the class that reads the options, and to be shown.

use serde_json::{Map, Value as Json};

use super::tree::{Node, Value};

/// What replaces a secret.
const HIDDEN: &str = "***";

/// The tree with its secrets, for the job's struct.
pub(super) fn full(node: &Node) -> Json {
    convert(node, false)
}

/// The tree without its secrets, for people.
pub(super) fn shown(node: &Node) -> Json {
    convert(node, true)
}

fn convert(node: &Node, hide: bool) -> Json {
    match &node.value {
        Value::Null | Value::Broken => Json::Null,
        Value::List(items) => items.iter().map(|item| convert(item, hide)).collect(),
        Value::Map(entries) => {
            let pairs = entries.iter();
            let pairs = pairs.map(|entry| (entry.key.text.clone(), convert(&entry.node, hide)));
            Json::Object(pairs.collect::<Map<_, _>>())
        }
        _ if hide && node.secret => HIDDEN.into(),
        Value::Bool(value) => Json::Bool(*value),
        Value::Number(value) => Json::Number(value.clone()),
        Value::Text(text) | Value::Template { text, .. } => Json::String(text.clone()),
    }
}
