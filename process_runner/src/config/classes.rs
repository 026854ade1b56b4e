//! What the configuration needs to know of compiled classes: a port, so that it can be checked
//! without any.

use schemars::{Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::Value as Json;

use crate::app::Registry;
use crate::class::OptionError;

/// The classes that a configuration may name.
pub trait Classes {
    /// Their names, sorted.
    fn names(&self) -> Vec<&str>;

    /// False if there may be classes besides, of which nothing is known: a class that is not among
    /// the names is then no problem, and its options are not checked.
    fn is_complete(&self) -> bool {
        true
    }

    /// Checks options against the struct of `class`. `Ok` if there is no such class.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    fn check(&self, class: &str, options: &Json) -> Result<(), OptionError>;

    /// The schema of the options of `class`. `generator` keeps the types that it refers to, and
    /// tells apart those of different classes that share a name.
    fn options_schema(&self, class: &str, generator: &mut SchemaGenerator) -> Option<Schema>;

    /// The names of the options of `class`.
    fn option_names(&self, class: &str) -> Vec<String> {
        let schema = resolved_schema(self, class);
        let properties = schema
            .as_ref()
            .and_then(|schema| schema.get("properties")?.as_object());
        properties.map_or_else(Vec::new, |names| names.keys().cloned().collect())
    }

    /// The options of `class` that have no default.
    fn required_options(&self, class: &str) -> Vec<String> {
        let schema = resolved_schema(self, class);
        let required = schema
            .as_ref()
            .and_then(|schema| schema.get("required")?.as_array());
        let names = required.into_iter().flatten().filter_map(Json::as_str);
        names.map(str::to_owned).collect()
    }
}

/// The schema of the options of `class` itself, not a reference to it.
fn resolved_schema<C: Classes + ?Sized>(classes: &C, class: &str) -> Option<Json> {
    let mut generator = SchemaSettings::draft07().into_generator();
    let schema = classes.options_schema(class, &mut generator)?.to_value();
    let reference = schema.get("$ref").and_then(Json::as_str);
    let name = reference.and_then(|reference| reference.rsplit('/').next());
    let definition = name.and_then(|name| generator.definitions().get(name).cloned());
    Some(definition.unwrap_or(schema))
}

impl Classes for Registry {
    fn names(&self) -> Vec<&str> {
        self.classes().map(|class| class.name).collect()
    }

    fn check(&self, class: &str, options: &Json) -> Result<(), OptionError> {
        let class = self.class(class);
        class.map_or(Ok(()), |class| (class.check)(options))
    }

    fn options_schema(&self, class: &str, generator: &mut SchemaGenerator) -> Option<Schema> {
        Some((self.class(class)?.schema)(generator))
    }
}
