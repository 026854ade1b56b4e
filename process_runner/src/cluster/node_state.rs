//! `quiet`, `resume-node`, `drain`, `stop` and `dump`: what one node is to do, acknowledged by it.

use std::time::Duration;

use serde::Serialize;

use super::{Cluster, ClusterError, known};
use crate::coordination::{Delivery, Member, NoteRecord, Recipient, deliver};

/// How long a node gets to answer. It reads its inbox at once, unless it or etcd is in trouble.
pub(super) const NOTE_PATIENCE: Duration = Duration::from_secs(5);

/// A node before and after a command that it acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NodeChange {
    /// The version of the document.
    pub v: u32,
    /// Its name.
    pub node: String,
    /// The process that acknowledged.
    pub incarnation: String,
    /// Its state before: `up`, `quiet` or `draining`.
    pub before: String,
    /// Its state now.
    pub after: String,
    /// Slots it had before.
    pub slots: u64,
}

impl Cluster {
    /// Makes a node hand its slots over and take no more. It stays up.
    ///
    /// Dropped, the node may or may not obey; so it is with all commands to a node.
    ///
    /// # Errors
    ///
    /// There is no such node, it drains already, it does not answer, or etcd does not.
    pub async fn quiet(&self, node: &str) -> Result<NodeChange, ClusterError> {
        self.tell(node, NoteRecord::Quiet, "quiet").await
    }

    /// Makes a quiet node take slots again.
    ///
    /// # Errors
    ///
    /// There is no such node, it drains already, it does not answer, or etcd does not.
    pub async fn resume_node(&self, node: &str) -> Result<NodeChange, ClusterError> {
        self.tell(node, NoteRecord::Resume, "up").await
    }

    /// Makes a node hand its slots over and exit. Returns when the node has begun;
    /// [`Cluster::until_left`] waits for its end.
    ///
    /// # Errors
    ///
    /// There is no such node, it does not answer, or etcd does not.
    pub async fn drain(&self, node: &str) -> Result<NodeChange, ClusterError> {
        self.tell(node, NoteRecord::Drain, "draining").await
    }

    /// As [`Cluster::drain`]; the second time it cancels the records in hand, the third time it
    /// cuts the workers off.
    ///
    /// # Errors
    ///
    /// There is no such node, it does not answer, or etcd does not.
    pub async fn stop(&self, node: &str) -> Result<NodeChange, ClusterError> {
        self.tell(node, NoteRecord::Stop, "draining").await
    }

    /// Makes a node write its worker table to its log.
    ///
    /// # Errors
    ///
    /// There is no such node, it does not answer, or etcd does not.
    pub async fn dump(&self, node: &str) -> Result<NodeChange, ClusterError> {
        self.tell(node, NoteRecord::Dump, "").await
    }

    /// Leaves a note with the node; `after` is the state it leads to, empty for the present one.
    async fn tell(
        &self,
        node: &str,
        note: NoteRecord,
        after: &str,
    ) -> Result<NodeChange, ClusterError> {
        let cluster = self.read().await?;
        let member = known::node(&cluster, node)?;
        let before = member.record.state.clone();
        if before == "draining" && matches!(note, NoteRecord::Quiet | NoteRecord::Resume) {
            let node = node.to_owned();
            return Err(ClusterError::Draining { node });
        }
        let slots = cluster.slots.values();
        let incarnation = &member.record.incarnation;
        let slots = slots.filter(|slot| slot.record.incarnation == *incarnation);
        let change = NodeChange {
            v: 1,
            node: node.to_owned(),
            incarnation: incarnation.clone(),
            after: if after.is_empty() { &before } else { after }.to_owned(),
            slots: slots.count() as u64,
            before,
        };
        let to = recipient(node, member);
        let (etcd, keys) = (&self.connection.etcd, &self.connection.keys);
        let node = node.to_owned();
        match deliver(etcd, keys, &to, &note, NOTE_PATIENCE).await? {
            Delivery::Acknowledged => Ok(change),
            Delivery::Gone => Err(ClusterError::Gone { node }),
            Delivery::Unanswered => Err(ClusterError::Unanswered { node }),
        }
    }
}

/// The node as a note addresses it.
pub(super) fn recipient(node: &str, member: &Member) -> Recipient {
    Recipient {
        node: node.into(),
        lease: member.record.lease,
        member_created: member.create_revision,
    }
}
