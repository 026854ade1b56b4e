//! What makes a store this store, and how one that lost its data is recognised.
//!
//! An etcd that was wiped, or set up from a backup, counts its revisions anew, and so the fences of its new
//! holders would be no greater than those that resources have seen. Its `meta` key has a random id, so a
//! new store is told from the old one even where an operator gave both the same cluster id; a backup has
//! that id too, but its revision is lower than what was seen before.
//!
//! # Guarantees
//!
//! A store is accepted only if it goes on from the one that was known, or if its epoch is greater: then an
//! operator has said that it may be (`pr-cli raise-epoch`), and every new fence is greater than all before.
//!
//! # How it fails
//!
//! Whoever knows no store accepts each. What a process knows it keeps beyond its life in a [`super::Memory`].

use etcd_client::{Compare, CompareOp, KeyValue, ResponseHeader, Txn, TxnOp, TxnResponse};

use super::keys::Keys;
use super::membership::get;
use super::records::{MetaRecord, decode, encode};
use super::session::explain;
use super::{CallError, CoordinationError, Etcd};

/// The version of the key layout that this code reads and writes. In 1 the posts stood elsewhere: nodes of
/// both would each have a leader.
pub(super) const LAYOUT: u32 = 2;

/// What tells this store from every other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoreIdentity {
    pub(super) store_id: String,
    pub(super) cluster_id: u64,
    pub(super) epoch: u16,
    /// The highest that was seen.
    pub(super) revision: i64,
    /// `meta` as it was read; 0 if it was not.
    pub(super) meta_revision: i64,
}

impl StoreIdentity {
    /// The epoch: the high bits of every fence.
    pub(crate) fn epoch(&self) -> u16 {
        self.epoch
    }

    /// The revision it was read at, or the last one seen since.
    pub(crate) fn revision(&self) -> i64 {
        self.revision
    }

    /// True for the same store in the same epoch, at whatever revision.
    pub(crate) fn is_the_same_as(&self, other: &StoreIdentity) -> bool {
        let id = |store: &Self| (store.store_id.clone(), store.cluster_id, store.epoch);
        id(self) == id(other)
    }

    /// Takes in that this revision was seen.
    pub(crate) fn saw(&mut self, revision: i64) {
        self.revision = self.revision.max(revision);
    }

    fn continues(&self, known: &StoreIdentity) -> Result<(), CoordinationError> {
        if self.epoch > known.epoch {
            return Ok(());
        }
        let reason = if self.cluster_id != known.cluster_id {
            let (was, is) = (known.cluster_id, self.cluster_id);
            format!("the cluster id was {was:x} and is {is:x}")
        } else if self.store_id != known.store_id {
            let (was, is) = (&known.store_id, &self.store_id);
            format!("the store id was {was} and is {is}")
        } else if self.epoch < known.epoch {
            let (was, is) = (known.epoch, self.epoch);
            format!("the epoch was {was} and is {is}")
        } else if self.revision < known.revision {
            let (was, is) = (known.revision, self.revision);
            format!("the revision went back from {was} to {is}")
        } else {
            return Ok(());
        };
        Err(CoordinationError::StoreChanged {
            reason,
            epoch: Some(known.epoch),
        })
    }
}

/// Reads `meta`, creating it in a new store, and checks that the store is the one it was.
///
/// A read asks less of etcd than a transaction, and nearly every node finds the key. But a member that was
/// paused may answer it with what was (etcd#20418). Being old, the answer can make a store that went on look
/// like one that went back, never the reverse: so whoever would refuse asks once more, through raft.
pub(super) async fn identify_store(
    etcd: &Etcd,
    keys: &Keys,
    known: Option<&StoreIdentity>,
) -> Result<StoreIdentity, CoordinationError> {
    // Not only what renewals have seen.
    let known = known.cloned().map(|mut known| {
        known.saw(etcd.newest().revision());
        known
    });
    let store = look(&etcd.unbiased(), keys, known.as_ref()).await?;
    // Only now: an attempt that fails must not make the next one forget.
    etcd.newest().restart_at(store.revision);
    Ok(store)
}

/// Asks the store what it is, and refuses one that is not the one that was known.
async fn look(
    etcd: &Etcd,
    keys: &Keys,
    known: Option<&StoreIdentity>,
) -> Result<StoreIdentity, CoordinationError> {
    let fail = |error| explain(error, etcd);
    let key = keys.meta();
    let accept = |store: StoreIdentity| match known {
        Some(known) => store.continues(known).map(|()| store),
        None => Ok(store),
    };
    let found = etcd.get(&key, 0).await.map_err(fail)?;
    if let Some(kv) = found.kvs().first()
        && let Ok(store) = identity(&key, kv, found.header()).and_then(accept)
    {
        return Ok(store);
    }
    let reply = read_or_create(etcd, &key).await.map_err(fail)?;
    let read = reply.op_responses().into_iter().find_map(get);
    let kv = read.as_ref().and_then(|read| read.kvs().first());
    let kv = kv.ok_or_else(|| CoordinationError::Malformed {
        key: key.clone(),
        reason: "it was read and is not there".to_owned(),
    })?;
    identity(&key, kv, reply.header()).and_then(accept)
}

/// Puts `meta` if it is not there, and reads it.
async fn read_or_create(etcd: &Etcd, key: &str) -> Result<TxnResponse, CallError> {
    let absent = Compare::create_revision(key, CompareOp::Equal, 0);
    let put = TxnOp::put(key, encode(&MetaRecord::fresh()), None);
    let read = TxnOp::get(key, None);
    let txn = Txn::new()
        .when([absent])
        .and_then([put, read.clone()])
        .or_else([read]);
    etcd.txn(txn).await
}

/// What `meta` and the header of the answer that it came with say.
fn identity(
    key: &str,
    meta: &KeyValue,
    header: Option<&ResponseHeader>,
) -> Result<StoreIdentity, CoordinationError> {
    let record: MetaRecord = decode(key, meta.value())?;
    if record.layout != LAYOUT {
        return Err(CoordinationError::Layout {
            found: record.layout,
        });
    }
    let (cluster_id, revision) =
        header.map_or((0, 0), |header| (header.cluster_id(), header.revision()));
    Ok(StoreIdentity {
        store_id: record.store_id,
        cluster_id,
        epoch: record.epoch,
        meta_revision: meta.mod_revision(),
        revision,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> StoreIdentity {
        StoreIdentity {
            store_id: "one".to_owned(),
            cluster_id: 7,
            epoch: 2,
            revision: 100,
            meta_revision: 3,
        }
    }

    #[test]
    fn a_store_that_went_on_is_the_same() {
        let mut now = store();
        now.saw(101);
        now.saw(50);
        assert_eq!(now.revision(), 101);
        assert!(now.continues(&store()).is_ok());
        assert!(store().continues(&store()).is_ok());
    }

    #[test]
    fn one_that_differs_is_refused_until_its_epoch_is_raised() {
        let changes: [fn(&mut StoreIdentity); 5] = [
            |store| (store.epoch, store.revision) = (1, 101),
            |store| store.store_id = "two".to_owned(),
            |store| store.cluster_id = 8,
            |store| store.revision = 99,
            |store| (store.store_id, store.epoch) = ("two".to_owned(), 0),
        ];
        for change in changes {
            let mut now = store();
            change(&mut now);
            let refused = now.continues(&store()).unwrap_err().to_string();
            assert!(refused.contains("raise-epoch --to 3"), "{refused}");
            now.epoch = 3;
            assert!(now.continues(&store()).is_ok());
        }
    }
}
