//! The cluster as it is: one read of everything that `status` shows.
//!
//! The ranges are read one after the other, so the picture is as consistent as a cluster that moves
//! allows; the revision is that of the planner's range, which is read first and in one piece.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::keys::{Keys, PlannerKey};
use etcd_client::{PutOptions, Txn, TxnOp};

use super::records::{ConfigRecord, MemberRecord, SlotRecord, StatusRecord, decode, encode};
use super::session::{explain, positive_random, random_u128};
use super::{CallError, CoordinationError, Etcd, Session};
use crate::model::Slot;

/// How long a mark of somebody who looks lasts if it is not taken away.
const WATCHING_TTL: Duration = Duration::from_secs(5);

/// Everything that is known of a cluster.
#[derive(Debug, Default)]
pub(crate) struct ClusterSnapshot {
    pub(crate) revision: i64,
    pub(crate) members: BTreeMap<Arc<str>, MemberRecord>,
    pub(crate) slots: BTreeMap<Slot, OwnedSlot>,
    pub(crate) configs: BTreeMap<String, ConfigRecord>,
    pub(crate) statuses: BTreeMap<String, StatusRecord>,
    pub(crate) epoch: u16,
}

/// A slot with its owner.
#[derive(Debug, Clone)]
pub(crate) struct OwnedSlot {
    pub(crate) record: SlotRecord,
    pub(crate) mod_revision: i64,
}

/// Reads a whole cluster. Cancel safe.
pub(crate) async fn read_cluster(
    etcd: &Etcd,
    keys: &Keys,
) -> Result<ClusterSnapshot, CoordinationError> {
    let fail = |error| explain(error, etcd);
    let mut cluster = ClusterSnapshot::default();
    let planner = etcd.range(&keys.planner_range()).await.map_err(fail)?;
    cluster.revision = planner.header().map_or(0, |header| header.revision());
    for kv in planner.kvs() {
        let name = String::from_utf8_lossy(kv.key());
        match keys.parse_planner(kv.key()) {
            Some(PlannerKey::Member(node)) => {
                cluster.members.insert(node, decode(&name, kv.value())?);
            }
            Some(PlannerKey::Slot(slot)) => {
                let record = decode(&name, kv.value())?;
                let mod_revision = kv.mod_revision();
                cluster.slots.insert(
                    slot,
                    OwnedSlot {
                        record,
                        mod_revision,
                    },
                );
            }
            Some(PlannerKey::Meta) => {
                let meta: super::records::MetaRecord = decode(&name, kv.value())?;
                cluster.epoch = meta.epoch;
            }
            Some(PlannerKey::Job(_) | PlannerKey::Leader) | None => {}
        }
    }
    for kv in etcd.range(&keys.configs()).await.map_err(fail)?.kvs() {
        if let Some(hash) = keys.name(kv.key()) {
            let record = decode(&String::from_utf8_lossy(kv.key()), kv.value())?;
            cluster.configs.insert(hash.to_owned(), record);
        }
    }
    for kv in etcd.range(&keys.statuses()).await.map_err(fail)?.kvs() {
        if let Some(node) = keys.name(kv.key()) {
            let record = decode(&String::from_utf8_lossy(kv.key()), kv.value())?;
            cluster.statuses.insert(node.to_owned(), record);
        }
    }
    Ok(cluster)
}

impl Session {
    /// Puts this node's status, if it is still a member.
    ///
    /// Cancel safe: the next status replaces it.
    pub(crate) async fn put_status(&self, status: &StatusRecord) -> Result<(), CallError> {
        let on_lease = PutOptions::new().with_lease(self.lease);
        let key = self.keys.status(&self.node);
        let put = TxnOp::put(key, encode(status), Some(on_lease));
        let txn = Txn::new().when([self.is_member()]).and_then([put]);
        self.etcd.txn(txn).await.map(drop)
    }
}

/// A mark under `watchers/`, on a short lease, that makes nodes publish their counters.
pub(crate) struct Watching {
    lease: i64,
}

impl Watching {
    /// Puts the mark. Dropped, it leaves a lease that runs out by itself.
    pub(crate) async fn start(etcd: &Etcd, keys: &Keys) -> Result<Self, CoordinationError> {
        let fail = |error| explain(error, etcd);
        let id = random_u128();
        let lease = positive_random();
        etcd.grant(WATCHING_TTL, lease).await.map_err(fail)?;
        let on_lease = PutOptions::new().with_lease(lease);
        let put = TxnOp::put(keys.watcher(&format!("{id:032x}")), "", Some(on_lease));
        etcd.txn(Txn::new().and_then([put])).await.map_err(fail)?;
        Ok(Self { lease })
    }

    /// Takes the mark away.
    pub(crate) async fn stop(self, etcd: &Etcd) {
        if let Err(error) = etcd.revoke(self.lease).await {
            tracing::debug!(%error, "a mark of a watcher is left to run out");
        }
    }
}
