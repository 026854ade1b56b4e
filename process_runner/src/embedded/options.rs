//! What can be chosen about an embedded etcd.

use std::time::Duration;

/// How an embedded etcd behaves. The defaults equal etcd's, where etcd has the setting.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmbeddedOptions {
    /// The shortest lease in seconds; a shorter TTL is raised to it. etcd: 2, from its election timeout.
    pub min_lease_ttl: i64,
    /// How many revisions of history to keep for watches and old reads. Older ones are compacted.
    pub history_revisions: i64,
    /// How many bytes of history to keep, about.
    pub history_bytes: usize,
    /// How far the log file may grow before it is rewritten, in bytes; or by as much as it had when it was last
    /// rewritten, if that is more.
    pub log_bytes: u64,
    /// How often a watcher that asked for progress notices gets one when nothing happens. etcd: 10 minutes.
    pub progress_interval: Duration,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            min_lease_ttl: 2,
            history_revisions: 5_000,
            history_bytes: 32 << 20,
            log_bytes: 1 << 20,
            progress_interval: Duration::from_secs(600),
        }
    }
}

impl EmbeddedOptions {
    /// The shortest lease in seconds.
    #[must_use]
    pub fn min_lease_ttl(mut self, seconds: i64) -> Self {
        self.min_lease_ttl = seconds;
        self
    }

    /// How many revisions of history to keep.
    #[must_use]
    pub fn history_revisions(mut self, revisions: i64) -> Self {
        self.history_revisions = revisions;
        self
    }

    /// How many bytes of history to keep, about.
    #[must_use]
    pub fn history_bytes(mut self, bytes: usize) -> Self {
        self.history_bytes = bytes;
        self
    }

    /// How far the log file may grow before it is rewritten.
    #[must_use]
    pub fn log_bytes(mut self, bytes: u64) -> Self {
        self.log_bytes = bytes;
        self
    }

    /// How often a watcher that asked for progress notices gets one.
    #[must_use]
    pub fn progress_interval(mut self, interval: Duration) -> Self {
        self.progress_interval = interval;
        self
    }
}
