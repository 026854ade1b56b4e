//! What can be wrong with an [`App`](crate::App), each with the places to look at.

use std::fmt;

use crate::state::Place;

/// One thing that is wrong with what was registered.
#[derive(Debug)]
#[non_exhaustive]
pub enum AppError {
    /// Two structs share a class name.
    DuplicateClass {
        /// The name.
        name: &'static str,
        /// Where it was declared first.
        first: Place,
        /// Where it was declared again.
        second: Place,
    },
    /// Two constructors build one type.
    DuplicateState {
        /// The type.
        type_name: &'static str,
        /// Where it was registered first.
        first: Place,
        /// Where it was registered again.
        second: Place,
    },
    /// A class asks for a type that no constructor builds.
    MissingState {
        /// The class.
        class: &'static str,
        /// Where the class is declared.
        place: Place,
        /// The field that asks.
        field: &'static str,
        /// The type it asks for.
        type_name: &'static str,
    },
    /// A constructor returned an error.
    StateFailed {
        /// The type it builds.
        type_name: &'static str,
        /// Where it was registered.
        place: Place,
        /// What it returned.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateClass {
                name,
                first,
                second,
            } => write!(
                f,
                "two job classes are called `{name}`: {first} and {second}; rename one of the structs"
            ),
            Self::DuplicateState {
                type_name,
                first,
                second,
            } => write!(
                f,
                "two constructors build the state `{type_name}`: {first} and {second}; \
                 remove one, or wrap one value in a type of its own"
            ),
            Self::MissingState {
                class,
                place,
                field,
                type_name,
            } => write!(
                f,
                "job class `{class}` ({place}) asks for the state `{type_name}` in `{field}`, and nobody \
                 provides it; add `.state(async || …)` to the App or mark its constructor \
                 `#[process_runner::state]`"
            ),
            Self::StateFailed {
                type_name,
                place,
                source,
            } => {
                write!(
                    f,
                    "the state `{type_name}` ({place}) cannot be built: {source}"
                )
            }
        }
    }
}

impl std::error::Error for AppError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::StateFailed { source, .. } => Some(source.as_ref()),
            _ => None,
        }
    }
}

/// Everything that is wrong, a line each.
#[derive(Debug)]
pub struct AppErrors(pub Vec<AppError>);

impl fmt::Display for AppErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for AppErrors {}
