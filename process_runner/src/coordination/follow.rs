//! Follows a range of keys: a snapshot first, then every change after it, in order.
//!
//! ```text
//! snapshot at r --> watch from r + 1 --> changes ... --(stream ends, compaction, silence)--> snapshot
//! ```
//!
//! # Guarantees
//!
//! - Changes arrive in the order of their revisions, none twice: what is not newer than the last
//!   one is dropped.
//! - The snapshot may be one that somebody has read before: the watch makes up for its age.
//! - Whatever is doubtful ends in a new [`Feed::Snapshot`], which replaces everything.
//!
//! # How it fails
//!
//! It does not: while etcd is away it tries again, with a growing, jittered delay. A watch is for
//! speed, never for safety, so nobody may take its silence for a proof.

use std::time::Duration;

use etcd_client::{EventType, GetResponse, WatchResponse};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::keys::Range;
use super::{CallError, Etcd};
use crate::model::Backoff;

const RETRY: Backoff = Backoff {
    min: Duration::from_millis(50),
    max: Duration::from_secs(2),
};
/// Whoever is denied access is not let in within milliseconds.
const RETRY_DENIED: Duration = Duration::from_secs(1);

/// A part of the stream.
#[derive(Debug)]
pub(crate) enum Feed {
    /// All keys at one revision. Replaces what was known.
    Snapshot { entries: Vec<Entry>, revision: i64 },
    /// What one or more revisions changed.
    Changes { changes: Vec<Change> },
}

/// All keys of a range at one revision.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) entries: Vec<Entry>,
    pub(crate) revision: i64,
}

/// A key with its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    pub(crate) create_revision: i64,
    pub(crate) mod_revision: i64,
}

/// One change of one key.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Put(Entry),
    Delete { key: Vec<u8>, revision: i64 },
}

impl Change {
    fn revision(&self) -> i64 {
        match self {
            Self::Put(entry) => entry.mod_revision,
            Self::Delete { revision, .. } => *revision,
        }
    }
}

/// A follower of one range. Dropping it ends its task.
pub(crate) struct Follower {
    feed: mpsc::Receiver<Feed>,
    task: JoinHandle<()>,
}

impl Follower {
    /// Begins to follow `range`, on the present runtime.
    pub(crate) fn start(etcd: Etcd, range: Range) -> Self {
        Self::resume(etcd, range, None)
    }

    /// The same from a snapshot that was read before, which saves reading it.
    pub(crate) fn resume(etcd: Etcd, range: Range, known: Option<Snapshot>) -> Self {
        let (sender, feed) = mpsc::channel(64);
        let task = tokio::spawn(follow(etcd, range, known, sender));
        Self { feed, task }
    }

    /// The next part of the stream. Cancel safe. `None` only after the follower's task ended.
    pub(crate) async fn next(&mut self) -> Option<Feed> {
        self.feed.recv().await
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(etcd: Etcd, range: Range, mut known: Option<Snapshot>, sender: mpsc::Sender<Feed>) {
    let mut failures = 0;
    loop {
        let chosen = etcd.chosen();
        match follow_once(&etcd, &range, known.take(), &sender).await {
            Ended::NobodyListens => return,
            Ended::Progressed(why) => {
                tracing::debug!(%why, "a watch ended; reading everything again");
                failures = 0;
            }
            Ended::Failed(why) => {
                failures += 1;
                tracing::debug!(%why, failures, "a range cannot be followed");
            }
            Ended::Denied(why) => {
                failures += 1;
                tracing::debug!(%why, failures, "a range may not be followed");
                // The first time it may be the token of an open stream that is out of date.
                if failures > 1 {
                    tokio::time::sleep(RETRY_DENIED).await;
                }
            }
        }
        etcd.leave(chosen);
        tokio::time::sleep(RETRY.delay(failures.max(1), fastrand::f64())).await;
    }
}

enum Ended {
    NobodyListens,
    /// The watch delivered something before it ended.
    Progressed(String),
    Failed(String),
    /// etcd denied access.
    Denied(String),
}

impl From<CallError> for Ended {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Denied(why) => Self::Denied(why),
            other => Self::Failed(other.to_string()),
        }
    }
}

async fn follow_once(
    etcd: &Etcd,
    range: &Range,
    known: Option<Snapshot>,
    sender: &mpsc::Sender<Feed>,
) -> Ended {
    let Snapshot { entries, revision } = match known {
        Some(known) => known,
        None => match etcd.range(range).await {
            Ok(read) => Snapshot::from(&read),
            Err(error) => return error.into(),
        },
    };
    let mut last = revision;
    let snapshot = Feed::Snapshot { entries, revision };
    if sender.send(snapshot).await.is_err() {
        return Ended::NobodyListens;
    }
    let mut stream = match etcd.watch(range, last + 1).await {
        Ok(stream) => stream,
        Err(error) => return error.into(),
    };
    loop {
        // No timeout: silence is the normal state of a cluster at rest. A connection that died is
        // found by the pings of the channel, and safety does not rest on this stream.
        let response = match stream.message().await {
            Ok(Some(response)) => response,
            Ok(None) => return Ended::Progressed("the stream was closed".to_owned()),
            Err(error) => return Ended::Progressed(CallError::from(error).to_string()),
        };
        if let Some(reason) = ending(&response, last) {
            // A refusal comes in the stream itself, as the first and only message.
            if response.created() && response.canceled() && response.compact_revision() == 0 {
                return Ended::Denied(reason);
            }
            return Ended::Progressed(reason);
        }
        let changes = changes(&response, last);
        // Not the header's: the answer that creates the watch bears the store's present revision,
        // and what was written since the snapshot comes only after it.
        last = changes.iter().map(Change::revision).fold(last, i64::max);
        if changes.is_empty() {
            continue;
        }
        etcd.newest().saw(last);
        if sender.send(Feed::Changes { changes }).await.is_err() {
            return Ended::NobodyListens;
        }
    }
}

/// Why the watch cannot go on, if it cannot.
fn ending(response: &WatchResponse, last: i64) -> Option<String> {
    if response.compact_revision() > 0 {
        return Some(format!("compacted up to {}", response.compact_revision()));
    }
    if response.canceled() {
        return Some(format!("cancelled: {}", response.cancel_reason()));
    }
    let revision = response.header().map_or(last, |header| header.revision());
    (!response.events().is_empty() && revision < last)
        .then(|| format!("the revision went back from {last} to {revision}"))
}

fn changes(response: &WatchResponse, last: i64) -> Vec<Change> {
    response
        .events()
        .iter()
        .filter_map(|event| {
            let kv = event.kv().filter(|kv| kv.mod_revision() > last)?;
            Some(match event.event_type() {
                EventType::Put => Change::Put(Entry::from(kv)),
                EventType::Delete => Change::Delete {
                    key: kv.key().to_vec(),
                    revision: kv.mod_revision(),
                },
            })
        })
        .collect()
}

impl From<&GetResponse> for Snapshot {
    fn from(read: &GetResponse) -> Self {
        Self {
            entries: read.kvs().iter().map(Entry::from).collect(),
            revision: read.header().map_or(0, |header| header.revision()),
        }
    }
}

impl From<&etcd_client::KeyValue> for Entry {
    fn from(kv: &etcd_client::KeyValue) -> Self {
        Self {
            key: kv.key().to_vec(),
            value: kv.value().to_vec(),
            create_revision: kv.create_revision(),
            mod_revision: kv.mod_revision(),
        }
    }
}

#[cfg(test)]
mod tests;
