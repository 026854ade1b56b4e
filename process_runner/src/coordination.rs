//! etcd: the one place, with the embedded one, that speaks its protocol.
//!
//! ```text
//! runtime -> Session (one lease, one member key) -> Etcd (own timeout on every call) -> etcd_client
//!               |- heartbeat: renews the lease; barrier: proves each renewal   |
//!               |- slots:     reclaim, transfer, release: one transaction each |
//!               |- membership: the node's own member key and inbox             |
//!               |- election:  the posts `leader` and `standby`                 |
//!               |- plans, grants, configs: what a leader writes under its term |
//!               `- follow:    snapshot, then watch, then resync if in doubt    |
//! cluster -> snapshot:  everything at one revision                             |
//!            overrides: what operators set for a job, by compare-and-put       |
//!            notes:     what operators want of a node, and its answer        |
//! guardian -> revoke:   frees what a dead process had ------------------------'
//! ```
//!
//! # Guarantees
//!
//! - Every write is a transaction conditioned on still owning what it writes.
//! - Every await on the network has a timeout of our own, and says whether a write that failed may
//!   still take place ([`CallError::is_unknown`]).
//! - One lease per session: its end frees everything of the node in one revision.
//! - An answer of an older revision than one that was seen is no answer (`newest`): a store that was set
//!   up from a backup ends the session before anything of it is taken in.
//!
//! # How it fails
//!
//! A call tries one endpoint; the next call goes to another one. Nothing here retries a write
//! blindly: the slot machine repeats the identical transaction until its outcome is known.

mod barrier;
#[cfg(test)]
mod by_hand;
mod choice;
mod complaints;
mod configs;
mod connect;
mod election;
mod epoch;
mod error;
mod etcd;
mod follow;
mod grants;
mod guarded;
mod heartbeat;
mod hosting;
mod identity;
mod in_force;
mod indexes;
mod keys;
mod ledger;
mod membership;
mod memory;
mod newest;
mod notes;
mod opening;
mod overrides;
mod plans;
mod probe;
mod records;
mod revoke;
#[cfg(test)]
pub(crate) mod scene;
mod session;
mod sighting;
mod slots;
mod snapshot;
mod status;
mod tls;
mod token;
mod version;

#[cfg(test)]
pub(crate) use by_hand::{etcd_at, etcd_over};
pub(crate) use configs::StoredConfig;
pub(crate) use connect::{Connection, connect, join, to_hosted};
pub(crate) use election::{holder_in, post_of, posts_among};
pub(crate) use epoch::{Raised, raise_epoch};
pub(crate) use error::CallError;
pub use error::CoordinationError;
pub(crate) use etcd::Etcd;
pub use etcd::RequestCount;
pub(crate) use follow::{Change, Entry, Feed, Follower};
pub(crate) use grants::{Grant, in_transactions as grants_in_transactions};
pub(crate) use guarded::Guarded;
pub(crate) use heartbeat::{Heartbeat, Pulse};
pub use hosting::{Hosting, HostingError};
pub(crate) use identity::StoreIdentity;
pub(crate) use in_force::{JobInForce, JobsInForce, in_force};
pub(crate) use indexes::Indexes;
pub(crate) use keys::{Keys, PlannerKey};
pub(crate) use ledger::{Batch, read_before};
pub(crate) use membership::{Note, Put, Standing};
pub(crate) use memory::Memory;
pub(crate) use notes::{Delivery, Recipient, deliver};
pub(crate) use overrides::{Changed, change_override};
pub(crate) use plans::{
    PlanAnswer, PlanWrite, StoredPlan, in_transactions as plans_in_transactions,
};
#[cfg(test)]
pub(crate) use records::LeaderRecord;
pub(crate) use records::{
    ConfigRecord, Destination, JobRecord, LedgerRecord, LedgerState, MemberRecord, NoteRecord,
    Order, OverrideRecord, OwnerRecord, PausedRecord, PlanRecord, SlotRecord, StatusRecord,
    WorkerRecord, decode,
};
pub(crate) use revoke::revoke_over;
pub use revoke::{RevokeError, revoke};
pub(crate) use session::{Opened, Registration, Session};
pub(crate) use sighting::{Sighting, Watched};
pub(crate) use slots::{Answer, Target, Transaction};
pub(crate) use snapshot::{ClusterSnapshot, Member, OwnedSlot, read_cluster, read_ledger};
pub(crate) use status::Watching;
pub(crate) use version::warn_of_versions;
