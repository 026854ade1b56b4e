//! The configuration file: found, read, checked, and turned into a typed [`Config`].
//!
//! ```text
//! file -> source -> tree -> interpolate -> raw mirror -> validate -> Config
//!         bytes     spans,   ${VAR} of      known keys,   ranges that
//!         to text   aliases, what counts    types         depend on each
//!                   <<                                    other, classes
//! ```
//!
//! # Guarantees
//!
//! - A file that does not validate changes nothing: [`load`] returns either a whole [`Config`] or
//!   every problem at once, in the order of the file.
//! - Every problem has a code, and a place in the file unless it concerns the file as a whole.
//! - A value that came from the environment or stands under a key like `password` is in no
//!   message, no snippet and no `Debug`.
//! - No input makes it panic, exhaust the stack or run for long.
//!
//! # How it fails
//!
//! What can still be made out after a problem is checked too. Only broken YAML ends the search,
//! since nothing behind the error is known.

mod classes;
mod codes;
mod etcd;
mod fingerprint;
mod interpolate;
mod job;
mod json;
mod keys;
mod load;
mod locate;
mod merge;
mod node;
mod options;
mod problem;
mod raw;
mod read;
mod scalar;
mod schema;
mod secret;
mod source;
pub(crate) mod suggest;
#[cfg(test)]
mod tests;
mod tree;
mod validate;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::duration;

pub use classes::Classes;
pub use codes::{CODES, Code, explain};
pub use etcd::{Coordination, EmbeddedConfig, EtcdConfig, TlsConfig};
pub use job::{JobConfig, Location, RetryConfig};
pub use load::{Loaded, Request, load, load_coordination};
pub use node::NodeConfig;
pub use problem::{Label, Position, Problem, ProblemKind, Problems, Severity, Span};
pub use schema::schema;
pub use secret::Secret;
pub use validate::{BadName, check_name};
pub(crate) use validate::{NAME_RULE, is_name};

/// A configuration that is valid as a whole.
#[derive(Clone)]
pub struct Config {
    /// The environment that was chosen.
    pub environment: String,
    /// What `pr-cli run` executes, if the file says so.
    pub app: Option<AppSource>,
    /// How nodes coordinate.
    pub coordination: Coordination,
    /// This node.
    pub node: NodeConfig,
    /// The jobs, by name.
    pub jobs: BTreeMap<Arc<str>, JobConfig>,
    /// A stable hash of [`Config::planner_settings`].
    pub hash: String,
    /// The environments of the file, by name.
    pub environments: Vec<String>,
    /// What is in force, in the shape of the file: the environment laid over `global`, defaults
    /// filled in, every secret replaced by `***`.
    pub shown: serde_json::Value,
}

/// What `pr-cli run` executes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppSource {
    /// A package, built by cargo.
    Package(String),
    /// A program; a relative path is joined to the directory of the file.
    Path(PathBuf),
}

impl Config {
    /// What the planner needs to know of the jobs, as canonical JSON: the same settings are the
    /// same text on every node.
    pub fn planner_settings(&self) -> String {
        fingerprint::settings(&self.jobs)
    }

    /// How many workers there are in all jobs together.
    pub fn workers(&self) -> u64 {
        self.jobs.values().map(|job| u64::from(job.workers)).sum()
    }
}

impl fmt::Debug for Config {
    /// Shows what is in force, without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("environment", &self.environment)
            .field("hash", &self.hash)
            .field("shown", &format_args!("{}", self.shown))
            .finish_non_exhaustive()
    }
}
