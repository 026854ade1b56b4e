//! The JSON Schema (draft-07) of the whole file, for editors.
//!
//! Generated from the same tables that read the file, so an editor and `validate` agree. Where the
//! classes are known, the options of each job are checked by its `class`.

use serde_json::{Map, Value as Json, json};

use super::classes::Classes;
use super::raw::RawFile;
use super::read::Section;

/// The schema of the file; with `classes`, that of their options too.
pub fn schema(classes: Option<&dyn Classes>) -> Json {
    let mut schema = <RawFile as Section>::schema();
    let mut definitions = Map::new();
    if let Some(classes) = classes {
        add_classes(&mut schema, classes, &mut definitions);
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

fn add_classes(schema: &mut Json, classes: &dyn Classes, definitions: &mut Map<String, Json>) {
    let names = classes.names();
    let rules: Vec<Json> = names
        .iter()
        .filter_map(|name| {
            let mut options = classes.options_schema(name, definitions)?;
            accept_templates(&mut options);
            Some(json!({
                "if": { "properties": { "class": { "const": name } }, "required": ["class"] },
                "then": { "properties": { "options": options } },
            }))
        })
        .collect();
    definitions.values_mut().for_each(accept_templates);
    let Some(job) = schema.pointer_mut("/properties/jobs/additionalProperties") else {
        return;
    };
    job["required"] = json!(["class"]);
    job["properties"]["class"]["enum"] = json!(names);
    job["allOf"] = json!(rules);
}

/// Wherever a class wants a number or a boolean, a `${…}` may stand for it.
fn accept_templates(schema: &mut Json) {
    match schema {
        Json::Array(schemas) => schemas.iter_mut().for_each(accept_templates),
        Json::Object(object) => {
            object.values_mut().for_each(accept_templates);
            let kind = object.get("type").and_then(Json::as_str);
            if matches!(kind, Some("integer" | "number" | "boolean")) {
                let inner = std::mem::take(object);
                let template = json!({ "type": "string", "pattern": r"\$\{" });
                object.insert("anyOf".to_owned(), json!([inner, template]));
            }
        }
        _ => {}
    }
}
