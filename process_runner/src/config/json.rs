//! A tree as JSON: for the class that reads the options, and for people.

use serde_json::{Map, Value as Json, json};

use super::raw::RawFile;
use super::read::Section;
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

/// What is in force: the environment laid over `global`, defaults filled in, secrets hidden.
pub(super) fn in_force(root: &Node, environment: &str) -> Json {
    let mut file = shown(root);
    if let Json::Object(sections) = &mut file {
        let chosen = sections
            .remove("environments")
            .and_then(|mut environments| environments.get_mut(environment).map(Json::take));
        let global = sections.entry("global").or_insert(Json::Null);
        lay_over(global, chosen.unwrap_or_default());
        if !sections.contains_key("etcd") {
            sections.insert("etcd".to_owned(), json!({ "embedded": true }));
        }
    }
    fill(&mut file, &RawFile::schema());
    file
}

fn lay_over(base: &mut Json, over: Json) {
    match (base, over) {
        (_, Json::Null) => {}
        (Json::Object(base), Json::Object(over)) => {
            for (key, value) in over {
                lay_over(base.entry(key).or_insert(Json::Null), value);
            }
        }
        (base, over) => *base = over,
    }
}

/// Puts in the defaults of `schema`, and those of the sections in it.
fn fill(value: &mut Json, schema: &Json) {
    if value.is_null() {
        *value = json!({});
    }
    let Json::Object(map) = value else { return };
    let properties = schema.get("properties").and_then(Json::as_object);
    for (key, schema) in properties.into_iter().flatten() {
        if let Some(default) = schema.get("default") {
            map.entry(key.as_str()).or_insert_with(|| default.clone());
        } else if schema.get("properties").is_some() {
            let mut section = map.remove(key).unwrap_or(Json::Null);
            fill(&mut section, schema);
            if section != json!({}) {
                map.insert(key.clone(), section);
            }
        } else if let (Some(named), Some(Json::Object(map))) =
            (schema.get("additionalProperties"), map.get_mut(key))
        {
            map.values_mut()
                .for_each(|value| fill_section(value, named));
        }
    }
}

fn fill_section(value: &mut Json, schema: &Json) {
    if schema.get("properties").is_some() {
        fill(value, schema);
    }
}
