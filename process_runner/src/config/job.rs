//! One entry under `jobs:`.

mod build;
mod labels;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

pub(super) use build::build;
pub(super) use labels::warn_of_labels;

use crate::model::Backoff;

/// A job: a class and how many workers run it.
#[derive(Clone)]
pub struct JobConfig {
    /// Its name, the key under `jobs:`.
    pub name: Arc<str>,
    /// The struct that carries `#[job]`, or `Command`.
    pub class: String,
    /// How many workers there are in the whole cluster; 0 parks the job.
    pub workers: u32,
    /// How many of them one node may run.
    pub max_per_node: Option<u32>,
    /// It runs only on nodes that have all of these.
    pub labels: BTreeMap<String, String>,
    /// The pause between two iterations.
    pub interval: Duration,
    /// The backoff after an empty batch.
    pub idle: Backoff,
    /// How long one record may take.
    pub record_timeout: Option<Duration>,
    /// A worker without progress for this long is reported, then restarted.
    pub stuck_after: Option<Duration>,
    /// How long a worker that is to move works on, at most, while the worker that follows it prepares.
    pub prepare_ahead: Duration,
    /// How long the next holder of a slot waits before its first iteration, after one that did not end
    /// cleanly.
    pub lock_delay: Duration,
    /// What happens after an error.
    pub retry: RetryConfig,
    /// The fields of the job's struct, secrets included.
    pub options: Json,
    /// The same, with every secret replaced by `***`.
    pub shown_options: Json,
    /// Where the job stands in the file.
    pub place: Location,
}

impl fmt::Debug for JobConfig {
    /// Shows the options without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobConfig")
            .field("name", &self.name)
            .field("class", &self.class)
            .field("workers", &self.workers)
            .field("max_per_node", &self.max_per_node)
            .field("labels", &self.labels)
            .field("interval", &self.interval)
            .field("idle", &self.idle)
            .field("record_timeout", &self.record_timeout)
            .field("stuck_after", &self.stuck_after)
            .field("prepare_ahead", &self.prepare_ahead)
            .field("lock_delay", &self.lock_delay)
            .field("retry", &self.retry)
            .field("options", &format_args!("{}", self.shown_options))
            .field("place", &self.place)
            .finish()
    }
}

/// The pauses after empty batches, where the file does not say.
const IDLE: Backoff = Backoff {
    min: Duration::from_millis(50),
    max: Duration::from_secs(5),
};

/// What happens after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryConfig {
    /// How often a failed record is tried again before it is quarantined.
    pub record: u32,
    /// The first backoff.
    pub min: Duration,
    /// The longest backoff.
    pub max: Duration,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            record: 3,
            min: Duration::from_secs(1),
            max: Duration::from_secs(300),
        }
    }
}

/// Where something stands in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file, as the user named it.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}
