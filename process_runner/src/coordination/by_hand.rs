//! What tests do to etcd by hand: the node's side of the protocol, accidents, and reading everything.

use std::sync::Arc;

use etcd_client::{Channel, Client, Compare, CompareOp, PutOptions, Txn, TxnOp};

use super::keys::{Keys, Range};
use super::records::{Destination, LedgerRecord, LedgerState, Order, SlotRecord, encode};
use super::{Etcd, RequestCount, Session};
use crate::chance::random_u128;
use crate::model::Slot;

/// An etcd behind `channel`.
pub(crate) async fn etcd_over(channel: Channel) -> Etcd {
    let client = Client::from_channel(channel, None).await.unwrap();
    Etcd::new(vec![("test".to_owned(), client)], RequestCount::default())
}

/// A real etcd.
pub(crate) async fn etcd_at(endpoint: &str) -> Etcd {
    let client = Client::connect([endpoint], None).await.unwrap();
    Etcd::new(vec![(endpoint.to_owned(), client)], RequestCount::default())
}

impl Keys {
    /// Every key under the prefix.
    pub(crate) fn everything(&self) -> Range {
        let prefix = self.meta().trim_end_matches("/meta").to_owned();
        Range {
            from: format!("{prefix}/").into_bytes(),
            to: format!("{prefix}0").into_bytes(),
        }
    }
}

impl Etcd {
    /// Puts a key, on a lease unless it is 0; the revision.
    pub(crate) async fn put<T: serde::Serialize>(&self, key: String, value: &T, lease: i64) -> i64 {
        let options = PutOptions::new().with_lease(lease);
        let put = TxnOp::put(key, encode(value), Some(options));
        let reply = self.txn(Txn::new().and_then([put])).await.unwrap();
        reply.header().unwrap().revision()
    }

    pub(crate) async fn delete(&self, key: impl Into<Vec<u8>>) {
        let delete = TxnOp::delete(key, None);
        self.txn(Txn::new().and_then([delete])).await.unwrap();
    }

    /// Gives a slot back, with everything unlocked.
    pub(crate) async fn give_back(&self, keys: &Keys, slot: &Slot) {
        let ledger = LedgerRecord {
            state: LedgerState::Clean,
            owner: String::new(),
        };
        let operations = [
            TxnOp::delete(keys.slot(slot), None),
            TxnOp::put(keys.fence(slot), encode(&ledger), None),
        ];
        self.txn(Txn::new().and_then(operations)).await.unwrap();
    }

    /// The present revision.
    pub(crate) async fn revision(&self, keys: &Keys) -> i64 {
        let read = self.range(&keys.only(keys.meta())).await.unwrap();
        read.header().unwrap().revision()
    }
}

impl Session {
    /// Moves one of our slots as a plan says. False if etcd refused.
    pub(crate) async fn hand_over(
        &self,
        (slot, revision): (&Slot, i64),
        to: (&Arc<str>, &Destination),
        ordered: Order,
    ) -> bool {
        let (node, destination) = to;
        let key = self.keys.slot(slot);
        let record = SlotRecord {
            owner: node.to_string(),
            incarnation: destination.incarnation.clone(),
            nonce: format!("{:032x}", random_u128()),
            ordered,
            retiring: false,
        };
        let on_lease = PutOptions::new().with_lease(destination.lease);
        let member = self.keys.member(node);
        let txn = Txn::new()
            .when([
                Compare::mod_revision(key.as_str(), CompareOp::Equal, revision),
                Compare::mod_revision(member, CompareOp::Equal, destination.member),
            ])
            .and_then([TxnOp::put(key, encode(&record), Some(on_lease))]);
        self.etcd
            .txn(txn)
            .await
            .is_ok_and(|reply| reply.succeeded())
    }
}
