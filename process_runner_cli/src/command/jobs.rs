//! `jobs`: what can be named under `class:`, with its options, lock driver and place.

use std::fmt::Write;

use process_runner::{ClassEntry, Registry};
use serde::Serialize;
use serde_json::Value;

use crate::args::JobsArgs;
use crate::exit::{Exit, Failure};
use crate::{Role, launcher, output};

#[derive(Serialize)]
struct Document<'a> {
    v: u32,
    classes: Vec<Class<'a>>,
}

#[derive(Serialize)]
struct Class<'a> {
    class: &'a str,
    lock_driver: &'a str,
    file: &'a str,
    line: u32,
    /// JSON Schema draft-07 of `options:`.
    options: Value,
}

pub(super) fn run(arguments: &JobsArgs, registry: &Registry, role: Role) -> Result<Exit, Failure> {
    if role == Role::Stock {
        launcher::become_app_around(&arguments.app, arguments.config.as_deref())?;
    }
    let classes = registry.classes().map(describe).collect();
    if arguments.json {
        output::json(&Document { v: 1, classes })?;
    } else {
        output::data(&table(&classes))?;
    }
    Ok(Exit::Clean)
}

fn describe(entry: &ClassEntry) -> Class<'_> {
    Class {
        class: entry.name,
        lock_driver: entry.lock_driver,
        file: entry.place.file,
        line: entry.place.line,
        options: entry.options_schema(),
    }
}

fn table(classes: &Vec<Class<'_>>) -> String {
    let mut text = String::new();
    for class in classes {
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            text,
            "{}  (lock driver {}, {}:{})",
            class.class, class.lock_driver, class.file, class.line
        );
        for option in options(&class.options) {
            let _ = writeln!(text, "    {option}");
        }
    }
    text
}

/// A line for each option: `batch_size: integer = 1000  how many rows to lock at once`.
fn options(schema: &Value) -> Vec<String> {
    let Some(properties) = schema["properties"].as_object() else {
        return Vec::new();
    };
    let required = |name: &str| {
        let list = schema["required"].as_array();
        list.is_some_and(|list| list.iter().any(|r| r == name))
    };
    let option = |(name, property): (&String, &Value)| {
        let mut line = format!("{name}: {}", type_of(property));
        match property.get("default") {
            Some(default) => line.push_str(&format!(" = {default}")),
            None if required(name) => line.push_str(" (required)"),
            None => {}
        }
        if let Some(text) = property["description"].as_str() {
            line.push_str("  ");
            line.push_str(&text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        line
    };
    properties.iter().map(option).collect()
}

/// The type as the schema names it, short enough for a line.
fn type_of(property: &Value) -> String {
    match &property["type"] {
        Value::String(name) if name == "array" => {
            format!("list of {}", type_of(&property["items"]))
        }
        Value::String(name) => name.clone(),
        Value::Array(names) => {
            let names: Vec<_> = names.iter().filter_map(Value::as_str).collect();
            names.join(" or ")
        }
        _ => match property["$ref"].as_str() {
            Some(path) => path.rsplit('/').next().unwrap_or(path).to_owned(),
            None => "any".to_owned(),
        },
    }
}
