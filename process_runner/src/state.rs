//! Shared state: values that are built once per node and handed to jobs by their type.
//!
//! A connection pool belongs to the process, not to one worker. Its constructor is registered with
//! the [`App`](crate::App) and runs once, in the process that runs workers and before the first of
//! them; a job asks for the value with `#[job(state)]`. A type that a job asks for and nobody
//! provides fails at start, not at the first record.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::error::Error;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;

type BoxError = Box<dyn Error + Send + Sync>;
type Built = Pin<Box<dyn Future<Output = Result<Box<dyn Any + Send + Sync>, BoxError>> + Send>>;

/// The values that were built, by type.
#[derive(Default)]
pub struct States {
    values: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
}

impl States {
    /// The value of type `T`, cloned; `None` if nobody provides one.
    pub fn get<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.values
            .get(&TypeId::of::<T>())?
            .downcast_ref::<T>()
            .cloned()
    }

    /// Adds a value that needs no constructor.
    pub fn insert<T: Clone + Send + Sync + 'static>(&mut self, value: T) {
        self.values.insert(TypeId::of::<T>(), Box::new(value));
    }
}

/// A registered constructor: what it builds, where it was registered, how to run it.
pub struct StateConstructor {
    pub(crate) type_id: TypeId,
    pub(crate) type_name: &'static str,
    pub(crate) place: Place,
    build: Box<dyn FnOnce() -> Built + Send>,
}

impl StateConstructor {
    /// A constructor registered at `place`.
    pub fn new<T, E, F, Fut>(place: Place, constructor: F) -> Self
    where
        T: Clone + Send + Sync + 'static,
        E: Into<BoxError>,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        Self {
            type_id: TypeId::of::<T>(),
            type_name: type_name::<T>(),
            place,
            build: Box::new(move || {
                Box::pin(async move {
                    let value = constructor().await.map_err(Into::into)?;
                    Ok(Box::new(value) as Box<dyn Any + Send + Sync>)
                })
            }),
        }
    }

    /// Runs the constructor and keeps its value in `states`.
    ///
    /// Cancelled, it leaves `states` as it was.
    pub(crate) async fn build_into(self, states: &mut States) -> Result<(), BoxError> {
        let value = (self.build)().await?;
        states.values.insert(self.type_id, value);
        Ok(())
    }
}

/// A type that a job or its lock driver asks for.
#[derive(Debug, Clone, Copy)]
pub struct StateRequirement {
    /// Who asks, as the user wrote it: the field's name, or `lock_driver`.
    pub field: &'static str,
    /// The type, spelled out.
    pub type_name: &'static str,
    pub(crate) type_id: TypeId,
}

impl StateRequirement {
    /// The requirement of `field` for a value of type `T`.
    pub fn of<T: Clone + Send + Sync + 'static>(field: &'static str) -> Self {
        Self {
            field,
            type_name: type_name::<T>(),
            type_id: TypeId::of::<T>(),
        }
    }
}

/// A place in the user's sources, for messages that name two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The file, as the compiler names it.
    pub file: &'static str,
    /// The line, from 1.
    pub line: u32,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl From<&'static Location<'static>> for Place {
    fn from(location: &'static Location<'static>) -> Self {
        Self {
            file: location.file(),
            line: location.line(),
        }
    }
}
