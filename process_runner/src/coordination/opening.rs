//! What a node watches from its start on, as the transaction that registered it saw it.
//!
//! Whoever follows a range reads it first. Its inbox and the two posts are followed by every node,
//! so the registration reads them on the way: a thousand nodes that start at once ask two thousand
//! questions less.
//!
//! # How it fails
//!
//! Without the registration's own answer (it was lost, and the repetition found the member key in
//! place) there is nothing here, and each range is read as usual.

use std::sync::Arc;

use etcd_client::{TxnOp, TxnResponse};

use super::Session;
use super::follow::{Follower, Snapshot};
use super::keys::{Keys, Range};
use super::membership::get;

/// The ranges, and what was in them.
#[derive(Clone, Default)]
pub(super) struct Opening(Arc<[(Range, Snapshot)]>);

impl Opening {
    /// The reads that go with the registration of `node`, after all its writes.
    pub(super) fn reads(keys: &Keys, node: &str) -> impl Iterator<Item = TxnOp> {
        ranges(keys, node).into_iter().map(|range| range.read())
    }

    /// What the registration's reply shows.
    pub(super) fn of(reply: &TxnResponse, keys: &Keys, node: &str) -> Self {
        let revision = reply.header().map_or(0, |header| header.revision());
        let found = reply.op_responses().into_iter().filter_map(get);
        let snapshots = found.map(|read| Snapshot {
            revision,
            ..Snapshot::from(&read)
        });
        Self(ranges(keys, node).into_iter().zip(snapshots).collect())
    }
}

fn ranges(keys: &Keys, node: &str) -> [Range; 2] {
    [keys.inbox(node), keys.posts()]
}

impl Session {
    /// Follows `range` on the present runtime: from the registration on if it was read then, from
    /// now on otherwise.
    pub(crate) fn follow(&self, range: Range) -> Follower {
        let known = self.opening.0.iter().find(|(read, _)| *read == range);
        let known = known.map(|(_, snapshot)| snapshot.clone());
        Follower::resume(self.etcd.clone(), range, known)
    }
}

#[cfg(test)]
mod tests;
