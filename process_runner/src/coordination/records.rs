//! The values under the keys, as JSON.
//!
//! Unknown fields are ignored and new ones have defaults, so that nodes of two versions can share a
//! store during a rollout.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::CoordinationError;

/// `meta`: what makes this store this store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MetaRecord {
    /// The version of the key layout.
    pub(crate) layout: u32,
    /// Random, so that a wiped and restarted etcd is told from its predecessor.
    pub(crate) store_id: String,
    /// The cluster the store was created in, as hex.
    pub(crate) cluster_id: String,
    /// Raised by the operator after data loss; the high bits of every fence.
    #[serde(default)]
    pub(crate) epoch: u16,
}

/// `members/<node>`: a node that runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MemberRecord {
    pub(crate) incarnation: String,
    pub(crate) lease: i64,
    pub(crate) host: String,
    pub(crate) pid: u32,
    pub(crate) state: String,
    pub(crate) capacity: Option<u32>,
    #[serde(default = "one")]
    pub(crate) weight: u32,
    #[serde(default)]
    pub(crate) zone: Option<String>,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) classes: Vec<String>,
    #[serde(default)]
    pub(crate) config: String,
    /// The etcd revision read when the configuration was loaded.
    #[serde(default)]
    pub(crate) loaded_at: i64,
    #[serde(default)]
    pub(crate) version: String,
}

fn one() -> u32 {
    1
}

/// `slots/<job>/<index>`: who owns a slot. Written only when ownership changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SlotRecord {
    pub(crate) owner: String,
    pub(crate) incarnation: String,
    /// The mark of the attempt that wrote it, as hex.
    pub(crate) nonce: String,
}

/// `fences/<job>/<index>`: what is known of the last holding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LedgerRecord {
    /// `held` while a holding lasts and after an unclean end; `clean` after everything was unlocked.
    pub(crate) state: LedgerState,
    /// The last owner's name.
    pub(crate) owner: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LedgerState {
    Held,
    Clean,
}

/// `configs/<hash>`: what others need to know of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ConfigRecord {
    pub(crate) jobs: BTreeMap<String, JobRecord>,
}

/// One job of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobRecord {
    pub(crate) class: String,
    pub(crate) workers: u32,
    #[serde(default)]
    pub(crate) max_per_node: Option<u32>,
}

/// `status/<node>`: how the node's workers stand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StatusRecord {
    pub(crate) incarnation: String,
    pub(crate) workers: Vec<WorkerRecord>,
}

/// One worker in a status.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct WorkerRecord {
    pub(crate) job: String,
    pub(crate) index: u32,
    pub(crate) fence: u64,
    pub(crate) state: String,
    #[serde(default)]
    pub(crate) phase: Option<String>,
    #[serde(default)]
    pub(crate) reason: Option<String>,
    /// Only while somebody looks.
    #[serde(default)]
    pub(crate) since_progress_ms: Option<u64>,
    #[serde(default)]
    pub(crate) iterations: Option<u64>,
    #[serde(default)]
    pub(crate) records: Option<u64>,
    #[serde(default)]
    pub(crate) errors: Option<u64>,
}

/// The bytes of a record.
pub(crate) fn encode<T: Serialize>(record: &T) -> Vec<u8> {
    // Maps with string keys and plain fields always serialize; an empty value would be refused by
    // every reader, which is the safe way to be wrong.
    serde_json::to_vec(record).unwrap_or_default()
}

/// The record in `bytes`, or an error that names the key.
pub(crate) fn decode<T: for<'a> Deserialize<'a>>(
    key: &str,
    bytes: &[u8],
) -> Result<T, CoordinationError> {
    serde_json::from_slice(bytes).map_err(|error| CoordinationError::Malformed {
        key: key.to_owned(),
        reason: error.to_string(),
    })
}
