//! The JSON Schema (draft-07) of the whole file, for editors.
//!
//! Generated from the same tables that read the file, so an editor and `validate` agree. Where the
//! classes are known, the options of each job are checked by its `class`.

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value as Json, json};

use super::classes::Classes;
use super::raw::RawFile;
use super::read::Section;

/// The schema of the file; with `classes`, that of their options too.
pub fn schema(classes: Option<&dyn Classes>) -> Json {
    let mut schema = <RawFile as Section>::schema();
    let mut definitions = Map::new();
    if let Some(classes) = classes {
        definitions = add_classes(&mut schema, classes);
    }
    if let Json::Object(root) = &mut schema {
        let draft = "http://json-schema.org/draft-07/schema#";
        root.insert("$schema".to_owned(), draft.into());
        root.insert("title".to_owned(), "process_runner".into());
        root.insert("required".to_owned(), json!(["jobs"]));
        root.insert("patternProperties".to_owned(), json!({ "^x-": {} }));
        if !definitions.is_empty() {
            root.insert("definitions".to_owned(), Json::Object(definitions));
        }
    }
    schema
}

/// Adds a rule per class, and returns the types that the rules refer to.
fn add_classes(schema: &mut Json, classes: &dyn Classes) -> Map<String, Json> {
    let mut generator = SchemaSettings::draft07().into_generator();
    let names = classes.names();
    let rules: Vec<Json> = names
        .iter()
        .filter_map(|name| rule(name, classes, &mut generator))
        .collect();
    let mut definitions = generator.take_definitions(true);
    definitions.values_mut().for_each(accept_templates);
    if let Some(job) = schema.pointer_mut("/properties/jobs/additionalProperties") {
        job["required"] = json!(["class"]);
        job["properties"]["class"]["enum"] = json!(names);
        job["allOf"] = json!(rules);
    }
    definitions
}

/// "If the class is this one, the options are these."
fn rule(name: &str, classes: &dyn Classes, generator: &mut SchemaGenerator) -> Option<Json> {
    let mut options = classes.options_schema(name, generator)?;
    for transform in generator.transforms_mut() {
        transform.transform(&mut options);
    }
    let mut options = options.to_value();
    accept_templates(&mut options);
    let required = classes.required_options(name);
    let required: &[&str] = if required.is_empty() {
        &[]
    } else {
        &["options"]
    };
    Some(json!({
        "if": { "properties": { "class": { "const": name } }, "required": ["class"] },
        "then": { "properties": { "options": options }, "required": required },
    }))
}

/// Wherever a class wants more than just any string, a `${…}` may stand for it.
fn accept_templates(schema: &mut Json) {
    match schema {
        Json::Array(schemas) => schemas.iter_mut().for_each(accept_templates),
        Json::Object(object) => {
            let values = ["default", "const", "enum", "examples"];
            for (key, inner) in object.iter_mut() {
                if !values.contains(&key.as_str()) {
                    accept_templates(inner);
                }
            }
            if wants_typed(object) {
                let mut inner = std::mem::take(object);
                // What an editor shows stays where it looks.
                for key in ["title", "description", "default"] {
                    object.extend(inner.remove_entry(key));
                }
                let template = json!({ "type": "string", "pattern": r"\$\{" });
                object.insert("anyOf".to_owned(), json!([inner, template]));
            }
        }
        _ => {}
    }
}

/// Whether not any string would do.
fn wants_typed(schema: &Map<String, Json>) -> bool {
    let typed = |kind: &Json| matches!(kind.as_str(), Some("integer" | "number" | "boolean"));
    match schema.get("type") {
        Some(Json::Array(kinds)) => kinds.iter().any(typed) && !kinds.contains(&"string".into()),
        Some(kind) if kind == "string" => ["pattern", "format", "enum", "minLength"]
            .iter()
            .any(|rule| schema.contains_key(*rule)),
        Some(kind) => typed(kind),
        None => false,
    }
}
