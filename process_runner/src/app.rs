//! The [`App`]: what a user's binary brings to the runner, its job classes and shared state.
//!
//! Classes with `#[job]` anywhere in the linked crates are found by themselves; those of a crate
//! that nothing names are not linked at all, and [`App::job`] (or `use that_crate as _;`) brings
//! them in. Two classes of one name, two constructors of one type, or a job whose state nobody
//! provides are found here, before anything starts, each with both places.

mod error;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::panic::Location;
use std::path::PathBuf;

pub use error::{AppError, AppErrors};

use crate::class::{ClassEntry, JobClass};
use crate::command::Programs;
use crate::state::{Place, StateConstructor, States};

/// Job classes and shared state. Built in `main`, consumed by the command line or by a node.
///
/// ```
/// use process_runner::prelude::*;
///
/// #[derive(Clone)]
/// struct Greeting(String);
///
/// let app = App::new().state(async || Ok::<_, std::io::Error>(Greeting("hello".into())));
/// # drop(app);
/// ```
pub struct App {
    classes: Vec<ClassEntry>,
    constructors: Vec<StateConstructor>,
    programs: Programs,
}

/// A constructor registered by `#[process_runner::state]`.
pub struct StateEntry {
    constructor: fn() -> StateConstructor,
}

impl StateEntry {
    /// An entry that makes its constructor when the `App` is built.
    pub const fn new(constructor: fn() -> StateConstructor) -> Self {
        Self { constructor }
    }
}

inventory::collect!(StateEntry);

impl Default for App {
    fn default() -> Self {
        Self::new()
    }
}

impl App {
    /// Every class with `#[job]` and every `#[process_runner::state]` in the linked crates, and
    /// the built-in class `Command`.
    ///
    /// In a binary that does not call `process_runner_cli::main`, a program of `Command` is a plain
    /// child of the node: its process group ends with its worker, but a process that leaves the
    /// group (`setsid`) does not, and nothing ends with a node that is killed.
    pub fn new() -> Self {
        Self {
            classes: inventory::iter::<ClassEntry>().copied().collect(),
            constructors: inventory::iter::<StateEntry>()
                .map(|e| (e.constructor)())
                .collect(),
            programs: Programs::direct(),
        }
    }

    /// Registers class `J` by hand. Naming a class that was found already changes nothing.
    #[must_use]
    pub fn job<J: JobClass>(mut self) -> Self {
        self.classes.push(ClassEntry::of::<J>());
        self
    }

    /// Registers the constructor of a shared value, handed to `#[job(state)]` fields of type `T`.
    ///
    /// It runs once per node, in the process that runs the workers, and never for commands like
    /// `validate` or `jobs`.
    #[must_use]
    #[track_caller]
    pub fn state<T, E, F, Fut>(mut self, constructor: F) -> Self
    where
        T: Clone + Send + Sync + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let place = Place::from(Location::caller());
        self.constructors
            .push(StateConstructor::new(place, constructor));
        self
    }

    /// Starts the programs of the class `Command` under the shim that `executable` becomes when
    /// [`command::shim::main`](crate::command::shim::main) is called in it.
    #[doc(hidden)]
    #[must_use]
    pub fn program_shim(mut self, executable: PathBuf) -> Self {
        self.programs = Programs::through(executable);
        self
    }

    /// Checks what was registered and fixes it.
    ///
    /// # Errors
    ///
    /// All of: two classes of one name, two constructors of one type, state that a class asks for
    /// and nobody provides.
    pub fn into_registry(mut self) -> Result<Registry, AppErrors> {
        let mut errors = Vec::new();
        let programs = self.programs.clone();
        self.constructors.push(StateConstructor::new(
            Place::from(Location::caller()),
            async move || Ok::<_, Infallible>(programs),
        ));
        let classes = unique_classes(self.classes, &mut errors);
        duplicate_state(&self.constructors, &mut errors);
        missing_state(&classes, &self.constructors, &mut errors);
        if errors.is_empty() {
            Ok(Registry {
                classes,
                constructors: self.constructors,
            })
        } else {
            Err(AppErrors(errors))
        }
    }
}

/// The checked classes, by name, and the constructors of their state.
pub struct Registry {
    classes: BTreeMap<&'static str, ClassEntry>,
    constructors: Vec<StateConstructor>,
}

impl Registry {
    /// A registry without anything, to leave in the place of one that moves.
    pub(crate) fn empty() -> Self {
        Self {
            classes: BTreeMap::new(),
            constructors: Vec::new(),
        }
    }

    /// The class called `name`.
    pub fn class(&self, name: &str) -> Option<&ClassEntry> {
        self.classes.get(name)
    }

    /// All classes, by name.
    pub fn classes(&self) -> impl Iterator<Item = &ClassEntry> {
        self.classes.values()
    }

    /// Runs every constructor, one after the other, in the order of registration.
    ///
    /// Cancelled, it drops what was built so far.
    pub(crate) async fn build_states(&mut self) -> Result<States, AppError> {
        let mut states = States::default();
        for constructor in std::mem::take(&mut self.constructors) {
            let (type_name, place) = (constructor.type_name, constructor.place);
            constructor
                .build_into(&mut states)
                .await
                .map_err(|source| AppError::StateFailed {
                    type_name,
                    place,
                    source,
                })?;
        }
        Ok(states)
    }
}

fn unique_classes(
    entries: Vec<ClassEntry>,
    errors: &mut Vec<AppError>,
) -> BTreeMap<&'static str, ClassEntry> {
    let mut classes: BTreeMap<&'static str, ClassEntry> = BTreeMap::new();
    for entry in entries {
        match classes.get(entry.name) {
            Some(first) if (first.type_name)() != (entry.type_name)() => {
                errors.push(AppError::DuplicateClass {
                    name: entry.name,
                    first: first.place,
                    second: entry.place,
                });
            }
            Some(_) => {}
            None => {
                classes.insert(entry.name, entry);
            }
        }
    }
    classes
}

fn duplicate_state(constructors: &[StateConstructor], errors: &mut Vec<AppError>) {
    for (at, second) in constructors.iter().enumerate() {
        if let Some(first) = constructors[..at]
            .iter()
            .find(|c| c.type_id == second.type_id)
        {
            errors.push(AppError::DuplicateState {
                type_name: second.type_name,
                first: first.place,
                second: second.place,
            });
        }
    }
}

fn missing_state(
    classes: &BTreeMap<&'static str, ClassEntry>,
    constructors: &[StateConstructor],
    errors: &mut Vec<AppError>,
) {
    for class in classes.values() {
        for requirement in (class.requirements)() {
            if constructors
                .iter()
                .all(|c| c.type_id != requirement.type_id)
            {
                errors.push(AppError::MissingState {
                    class: class.name,
                    place: class.place,
                    field: requirement.field,
                    type_name: requirement.type_name,
                });
            }
        }
    }
}
