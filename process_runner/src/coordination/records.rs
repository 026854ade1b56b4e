//! The values under the keys, as JSON.
//!
//! Unknown fields are ignored and new ones have defaults, so that nodes of two versions can share a
//! store during a rollout.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::CoordinationError;
use super::indexes::Indexes;
use crate::chance::random_u128;

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

impl MetaRecord {
    /// For a store that nobody has used yet.
    pub(crate) fn fresh() -> Self {
        Self {
            layout: super::identity::LAYOUT,
            store_id: format!("{:032x}", random_u128()),
            cluster_id: String::new(),
            epoch: 0,
        }
    }
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
    /// With `--until-idle`: the indexes that this node has drained, by job. Nobody else is to run
    /// them while it lives.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) done: BTreeMap<String, Indexes>,
    /// How often the node crashed lately.
    #[serde(default)]
    pub(crate) crashes: u32,
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
    /// The plan that ordered it. A node gives a slot up only for a newer one.
    #[serde(default)]
    pub(crate) ordered: Order,
    /// Granted only so that what a dead worker had locked is unlocked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) retiring: bool,
}

/// The part of a [`SlotRecord`] that says who has it: a leader reads it of every slot that moves.
#[derive(Debug, Deserialize)]
pub(crate) struct OwnerRecord<'a> {
    #[serde(borrow)]
    pub(crate) owner: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) incarnation: Cow<'a, str>,
}

/// Which plan: the leader's term, and the pass within it. Later passes are greater.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Order {
    /// The create_revision of the leader's key.
    pub(crate) term: i64,
    /// Counts the leader's passes.
    pub(crate) generation: u64,
}

/// `leader` and `standby`: who it is. The term is the key's create_revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeaderRecord {
    pub(crate) node: String,
    pub(crate) incarnation: String,
}

/// `jobs/<job>`: what an operator set, in place of what configurations say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OverrideRecord {
    /// Workers in force, instead of the configured number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) workers: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) paused: Option<PausedRecord>,
    /// Who set the workers: user and host.
    #[serde(default)]
    pub(crate) by: String,
    /// The mark of the attempt that wrote it, as hex: whoever lost the answer knows its own by it.
    #[serde(default)]
    pub(crate) nonce: String,
}

/// Why a job runs nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PausedRecord {
    /// Who paused it: user and host. Someone else may have set the workers since.
    #[serde(default)]
    pub(crate) by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// Milliseconds since 1970 after which it runs again by itself, by the leader's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until_unix_ms: Option<u64>,
}

/// `inbox/<node>/plan`, on that node's lease: what the node should hold. Written only when it
/// changes, and guarded by the leader's term.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlanRecord {
    /// The node's incarnation.
    pub(crate) incarnation: String,
    pub(crate) ordered: Order,
    /// What it should hold, by job.
    pub(crate) slots: BTreeMap<String, Indexes>,
    /// Where the slots go that it has and should not have: indexes by job, by node. A slot that it
    /// has and that stands neither here nor under `slots` is given back.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) leaving: BTreeMap<String, Destination>,
    /// Workers in force of each job under `slots`, for `workers()`.
    #[serde(default)]
    pub(crate) workers: BTreeMap<String, u32>,
}

/// A node that slots go to, as the leader saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Destination {
    pub(crate) incarnation: String,
    /// The lease to put the slots on.
    pub(crate) lease: i64,
    /// The member key's mod_revision: a transfer to a node that changed since is refused.
    pub(crate) member: i64,
    pub(crate) slots: BTreeMap<String, Indexes>,
}

/// `inbox/<node>/<nonce>`, on that node's lease: deleted by the node as its acknowledgement. A
/// doorbell, never the truth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub(crate) enum NoteRecord {
    /// These slots were put on the node's lease in the revision that put this note.
    Arrived {
        slots: BTreeMap<String, Indexes>,
        ordered: Order,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        retiring: bool,
    },
    /// These slots are planned for the node and will come to it: run `prepare` of their workers now.
    /// Acknowledged when that is done.
    Prepare { slots: BTreeMap<String, Indexes> },
    /// Take no slots and hand over those there are.
    Quiet,
    /// No longer.
    Resume,
    /// Drain and exit.
    Drain,
    /// Drain and exit; a second one cancels, a third one cuts off.
    Stop,
    /// The worker table to the log.
    Dump,
    /// These workers start afresh.
    Restart { slots: BTreeMap<String, Indexes> },
    /// Workers of this job that wait go on at once.
    Kick { job: String },
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

/// `fences/<job>/granted-<nonce>`: these are `held`, unless something newer says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BatchRecord {
    pub(crate) indexes: Indexes,
    /// The owner's name.
    pub(crate) owner: String,
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
    /// The labels that a node must have to run it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) labels: BTreeMap<String, String>,
}

/// `status/<node>`: how the node's workers stand.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct StatusRecord {
    pub(crate) incarnation: String,
    /// Workers of which there is more to say than that they run.
    pub(crate) workers: Vec<WorkerRecord>,
    /// Workers that run, by job, and nothing else is said of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) running: BTreeMap<String, Indexes>,
    /// The greatest fence of those: it says nothing of a slot that was taken anew since.
    #[serde(default)]
    pub(crate) newest: u64,
    /// There are too many workers for their counters to fit.
    #[serde(default)]
    pub(crate) uncounted: bool,
    /// So many workers that do not run are not told of, for the same reason.
    #[serde(default)]
    pub(crate) left_out: usize,
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
    /// It waits for its job's `lock_delay`, until so many milliseconds since 1970 by its node's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) delayed_until_unix_ms: Option<u64>,
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
pub(crate) fn decode<'b, T: Deserialize<'b>>(
    key: &str,
    bytes: &'b [u8],
) -> Result<T, CoordinationError> {
    serde_json::from_slice(bytes).map_err(|error| CoordinationError::Malformed {
        key: key.to_owned(),
        reason: error.to_string(),
    })
}
