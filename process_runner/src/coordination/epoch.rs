//! The epoch: the high bits of every fence, raised by an operator after etcd lost its data.
//!
//! An etcd that lost its data counts its revisions anew, so the fences of the new holders would be smaller than
//! those that resources have seen. With a higher epoch they are greater again.
//!
//! # Guarantees
//!
//! - It is raised only while no node is registered, in the transaction that raises it: all holdings of a store
//!   have their fences from one epoch, and none ever goes back. A node that joins meanwhile is refused or refuses.
//! - It never falls.
//!
//! # How it fails
//!
//! A lost answer makes it look again: if the epoch is what was asked for, it is done, whoever did it.

use etcd_client::{Compare, CompareOp, GetResponse, Txn, TxnOp};

use super::keys::Keys;
use super::records::{MetaRecord, decode, encode};
use super::session::explain;
use super::{CallError, CoordinationError, Etcd};

/// How often it is tried.
const ATTEMPTS: usize = 5;

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Raised {
    Done {
        before: u16,
        after: u16,
    },
    /// These nodes are registered.
    Running {
        nodes: Vec<String>,
    },
    /// There is none that is higher, or the one that was asked for is not.
    NotHigher {
        before: u16,
    },
}

/// Raises the epoch to `to`, or by one: that of the store, or the one it is `known` with, if that is greater.
///
/// Dropped, it may or may not take place.
pub(crate) async fn raise_epoch(
    etcd: &Etcd,
    keys: &Keys,
    to: Option<u16>,
    known: Option<u16>,
) -> Result<Raised, CoordinationError> {
    let fail = |error| explain(error, etcd);
    let (key, members) = (keys.meta(), keys.members());
    let mut tried: Option<(u16, u16)> = None;
    let mut reason = "somebody else changes it all the time".to_owned();
    for _ in 0..ATTEMPTS {
        let found = etcd.get(&key, 0).await.map_err(fail)?;
        let (meta, revision) = meta_in(&key, &found)?;
        if let Some((before, after)) = tried.filter(|(_, after)| meta.epoch >= *after) {
            return Ok(Raised::Done { before, after });
        }
        let nodes = etcd.range(&members).await.map_err(fail)?;
        let nodes = nodes.kvs().iter();
        let nodes = nodes.map(|kv| keys.name(kv.key()).unwrap_or_default().to_owned());
        let nodes: Vec<String> = nodes.collect();
        if !nodes.is_empty() {
            return Ok(Raised::Running { nodes });
        }
        let before = meta.epoch;
        let after = to.or(before.max(known.unwrap_or(0)).checked_add(1));
        let Some(after) = after.filter(|after| *after > before) else {
            return Ok(Raised::NotHigher { before });
        };
        let raised = MetaRecord {
            epoch: after,
            ..meta
        };
        let nobody = Compare::create_revision(members.from.clone(), CompareOp::Equal, 0);
        let txn = Txn::new()
            .when([
                Compare::mod_revision(key.as_str(), CompareOp::Equal, revision),
                nobody.with_range(members.to.clone()),
            ])
            .and_then([TxnOp::put(key.as_str(), encode(&raised), None)]);
        match etcd.txn(txn).await {
            Ok(reply) if reply.succeeded() => return Ok(Raised::Done { before, after }),
            Ok(_) => {}
            Err(CallError::Unknown(unknown)) => {
                tried = Some((before, after));
                reason = unknown;
            }
            Err(error) => return Err(fail(error)),
        }
    }
    let endpoints = etcd.endpoints();
    Err(CoordinationError::Unreachable { endpoints, reason })
}

/// The store's `meta`, or a fresh one for a store that nobody has used yet.
fn meta_in(key: &str, found: &GetResponse) -> Result<(MetaRecord, i64), CoordinationError> {
    match found.kvs().first() {
        Some(kv) => Ok((decode(key, kv.value())?, kv.mod_revision())),
        None => Ok((MetaRecord::fresh(), 0)),
    }
}
