//! What nodes say of themselves, and the mark that asks them for more.
//!
//! A node puts its status only while it is a member. Counters change all the time, so they are in
//! it only while somebody looks, which a key on a short lease says.

mod fit;

use std::time::Duration;

use etcd_client::{PutOptions, Txn, TxnOp};

use super::keys::Keys;
use super::records::{StatusRecord, encode};
use super::session::{explain, positive_random};
use super::{CallError, CoordinationError, Etcd, Session};
use crate::chance::random_u128;

/// How long a mark of somebody who looks lasts if it is not taken away.
const WATCHING_TTL: Duration = Duration::from_secs(5);

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
