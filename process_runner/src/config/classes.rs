//! What the configuration needs to know of compiled classes: a port, so that it can be checked
//! without any.

use serde_json::{Map, Value as Json};

use crate::app::Registry;
use crate::class::OptionError;

/// The classes that a configuration may name.
pub trait Classes {
    /// Their names, sorted.
    fn names(&self) -> Vec<&str>;

    /// Checks options against the struct of `class`. `Ok` if there is no such class.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    fn check(&self, class: &str, options: &Json) -> Result<(), OptionError>;

    /// The JSON Schema (draft-07) of the options of `class`; `definitions` takes the types that it
    /// refers to.
    fn options_schema(&self, class: &str, definitions: &mut Map<String, Json>) -> Option<Json>;

    /// The names of the options of `class`.
    fn option_names(&self, class: &str) -> Vec<String> {
        let mut definitions = Map::new();
        let schema = self.options_schema(class, &mut definitions);
        let properties = schema.as_ref().and_then(|schema| {
            let schema = resolve(schema, &definitions);
            schema.get("properties")?.as_object()
        });
        properties.map_or_else(Vec::new, |names| names.keys().cloned().collect())
    }

    /// The options of `class` that have no default.
    fn required_options(&self, class: &str) -> Vec<String> {
        let mut definitions = Map::new();
        let schema = self.options_schema(class, &mut definitions);
        let required = schema.as_ref().and_then(|schema| {
            let schema = resolve(schema, &definitions);
            schema.get("required")?.as_array()
        });
        required.map_or_else(Vec::new, |names| {
            let names = names.iter().filter_map(Json::as_str);
            names.map(str::to_owned).collect()
        })
    }
}

/// The schema itself, if `schema` only refers to one.
fn resolve<'a>(schema: &'a Json, definitions: &'a Map<String, Json>) -> &'a Json {
    let reference = schema.get("$ref").and_then(Json::as_str);
    let name = reference.and_then(|reference| reference.rsplit('/').next());
    name.and_then(|name| definitions.get(name))
        .unwrap_or(schema)
}

impl Classes for Registry {
    fn names(&self) -> Vec<&str> {
        self.classes().map(|class| class.name).collect()
    }

    fn check(&self, class: &str, options: &Json) -> Result<(), OptionError> {
        self.class(class)
            .map_or(Ok(()), |class| (class.check)(options))
    }

    fn options_schema(&self, class: &str, definitions: &mut Map<String, Json>) -> Option<Json> {
        let mut generator = schemars::generate::SchemaSettings::draft07().into_generator();
        let mut schema = (self.class(class)?.schema)(&mut generator);
        for transform in generator.transforms_mut() {
            transform.transform(&mut schema);
        }
        definitions.extend(generator.take_definitions(true));
        Some(schema.to_value())
    }
}
