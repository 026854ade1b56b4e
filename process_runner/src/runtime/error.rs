//! Why a node could not start, or how it ended.

use std::fmt;

use crate::app::{AppError, AppErrors};
use crate::class::BuildError;
use crate::config::BadName;
use crate::coordination::CoordinationError;

/// How a node ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeEnd {
    /// Every worker ended in order and everything was released, or goes with a lease that etcd did not
    /// renew any more.
    Clean,
    /// With `until_idle`: a worker failed again and again and was given up.
    Failed,
    /// The deadline of the drain passed: so many workers were cut off.
    CutOff {
        /// Workers that were dropped before they could unlock.
        workers: usize,
    },
    /// A worker did not stop even when it was dropped (it blocks its thread). The process must
    /// exit now: the node's lease is left to run out.
    Outlived {
        /// Workers that still run.
        workers: usize,
        /// True if their lease ran out, so that their slots may be somebody else's soon.
        lost: bool,
    },
}

/// Why a node did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum NodeError {
    /// The registered classes and state do not fit together.
    App(AppErrors),
    /// A state constructor failed.
    State(AppError),
    /// A job names a class that is not registered.
    UnknownClass {
        /// The job.
        job: String,
        /// The class it names.
        class: String,
        /// The registered classes.
        known: String,
    },
    /// A job's value cannot be built.
    Job {
        /// The job.
        job: String,
        /// Its class.
        class: String,
        /// What is wrong.
        source: BuildError,
    },
    /// The node cannot have this name.
    Name {
        /// The name.
        node: String,
        /// What a name is.
        source: BadName,
    },
    /// The node cannot be part of the cluster.
    Coordination(CoordinationError),
    /// A bug: the control loop panicked with this message. Its lease runs out by itself.
    Panicked(String),
    /// A thread of the runtime could not be started.
    Thread(std::io::Error),
}

impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App(errors) => errors.fmt(f),
            Self::State(error) => error.fmt(f),
            Self::UnknownClass { job, class, known } => write!(
                f,
                "job `{job}` names the class `{class}`, which is not registered; registered: {known}"
            ),
            Self::Job { job, class, source } => {
                write!(f, "job `{job}` (class `{class}`) cannot be built: {source}")
            }
            Self::Name { node, source } => {
                write!(f, "`{node}` cannot be the name of a node: {source}")
            }
            Self::Coordination(error) => error.fmt(f),
            Self::Panicked(message) => write!(
                f,
                "the control loop panicked: {message}; please report this"
            ),
            Self::Thread(error) => write!(f, "a thread cannot be started: {error}"),
        }
    }
}

impl std::error::Error for NodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::App(errors) => Some(errors),
            Self::State(error) => Some(error),
            Self::Job { source, .. } => Some(source),
            // Its text is part of this one's.
            Self::Name { .. } => None,
            Self::Coordination(error) => Some(error),
            Self::Thread(error) => Some(error),
            Self::UnknownClass { .. } | Self::Panicked(_) => None,
        }
    }
}

impl From<CoordinationError> for NodeError {
    fn from(error: CoordinationError) -> Self {
        Self::Coordination(error)
    }
}
