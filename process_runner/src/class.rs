//! A job class: a struct with `#[job]`, as the runner sees it after its type is erased.
//!
//! `#[job]` implements [`JobClass`] and submits a [`ClassEntry`], a table of plain function
//! pointers, so that the configuration can check a class's options and the node can build its
//! workers by name. Nothing here runs before `main`, and nothing of it opens a connection.

use serde_json::Value;

use crate::job::Job;
use crate::lock::LockDriver;
use crate::runtime::{ErasedJob, erase};
use crate::state::{Place, StateRequirement, States};

/// What `#[job]` writes for a struct. Implemented by the macro, not by hand.
pub trait JobClass: Job {
    /// The name in `class:`. The struct's identifier.
    const NAME: &'static str;
    /// The lock driver as the user wrote it: `"etcd"`, or the path of a type.
    const LOCK_DRIVER: &'static str;
    /// Where the attribute stands.
    const PLACE: Place;
    /// The option fields alone, with their serde and schemars attributes.
    type Options: serde::de::DeserializeOwned + schemars::JsonSchema;

    /// The types this class needs from the [`App`](crate::App).
    fn requirements() -> Vec<StateRequirement>;

    /// Builds one worker's value. `Err` names the first field whose state is missing.
    fn build(options: Self::Options, states: &States) -> Result<Self, &'static str>;

    /// The lock driver on top of the slot's own claim; `None` for `"etcd"`, where that claim is
    /// the lock.
    fn lock_driver(states: &States) -> Option<Box<dyn LockDriver>>;
}

/// Builds one worker's value from its options and the shared state.
type Build = fn(&Value, &States) -> Result<Box<dyn ErasedJob>, BuildError>;

/// A class, type erased: one row of the registry.
#[derive(Clone, Copy)]
pub struct ClassEntry {
    /// The name in `class:`.
    pub name: &'static str,
    /// The lock driver as the user wrote it.
    pub lock_driver: &'static str,
    /// Where the class is declared.
    pub place: Place,
    pub(crate) type_name: fn() -> &'static str,
    pub(crate) requirements: fn() -> Vec<StateRequirement>,
    pub(crate) schema: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
    pub(crate) check: fn(&Value) -> Result<(), OptionError>,
    pub(crate) build: Build,
    pub(crate) driver: fn(&States) -> Option<Box<dyn LockDriver>>,
}

impl ClassEntry {
    /// The row of class `J`.
    pub const fn of<J: JobClass>() -> Self {
        Self {
            name: J::NAME,
            lock_driver: J::LOCK_DRIVER,
            place: J::PLACE,
            type_name: std::any::type_name::<J>,
            requirements: J::requirements,
            schema: |generator| generator.subschema_for::<J::Options>(),
            check: |options| deserialize::<J::Options>(options).map(drop),
            build: build::<J>,
            driver: J::lock_driver,
        }
    }

    /// The JSON Schema (draft-07) of `options:`, complete in itself: nested types are written out
    /// where they stand, and only a type that contains itself is under `definitions`.
    pub fn options_schema(&self) -> Value {
        let mut settings = schemars::generate::SchemaSettings::draft07();
        settings.inline_subschemas = true;
        let mut generator = settings.into_generator();
        let mut schema = (self.schema)(&mut generator);
        for transform in generator.transforms_mut() {
            transform.transform(&mut schema);
        }
        let definitions = generator.take_definitions(true);
        if !definitions.is_empty() {
            schema.insert("definitions".to_owned(), definitions.into());
        }
        schema.to_value()
    }

    /// Reads `options` as a worker would, and forgets them. `null` stands for no options at all.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, and where: an unknown key, a value of the wrong type, a
    /// missing option that has no default.
    pub fn check_options(&self, options: &Value) -> Result<(), OptionError> {
        (self.check)(options)
    }
}

inventory::collect!(ClassEntry);

/// Options that do not fit the struct: the first thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionError {
    /// The way from the options' root to the value: map keys and sequence indexes.
    pub path: Vec<String>,
    /// What is wrong, without the path.
    pub message: String,
}

impl std::fmt::Display for OptionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path.join("."), self.message)
        }
    }
}

impl std::error::Error for OptionError {}

/// Why a worker's value cannot be built. Both are found at start, before anything runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildError {
    /// The options do not fit the struct.
    Options(OptionError),
    /// No state of this field's type is registered.
    MissingState {
        /// The field that asks for it.
        field: &'static str,
    },
}

impl std::fmt::Display for BuildError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Options(error) => write!(f, "the options do not fit: {error}"),
            Self::MissingState { field } => write!(f, "no state is registered for field `{field}`"),
        }
    }
}

impl std::error::Error for BuildError {}

fn build<J: JobClass>(options: &Value, states: &States) -> Result<Box<dyn ErasedJob>, BuildError> {
    let options = deserialize::<J::Options>(options).map_err(BuildError::Options)?;
    let job = J::build(options, states).map_err(|field| BuildError::MissingState { field })?;
    Ok(erase(job))
}

fn deserialize<T: serde::de::DeserializeOwned>(options: &Value) -> Result<T, OptionError> {
    let none = Value::Object(serde_json::Map::new());
    let options = if options.is_null() { &none } else { options };
    serde_path_to_error::deserialize(options).map_err(|error| {
        let path = error.path().iter().filter_map(segment).collect();
        OptionError {
            path,
            message: error.into_inner().to_string(),
        }
    })
}

fn segment(segment: &serde_path_to_error::Segment) -> Option<String> {
    use serde_path_to_error::Segment;
    match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { variant } => Some(variant.clone()),
        Segment::Unknown => None,
    }
}
