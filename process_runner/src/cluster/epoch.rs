//! `raise-epoch`: fences that are greater than all before, after etcd lost its data.

use serde::Serialize;

use super::{Cluster, ClusterError};
use crate::coordination::{Memory, Raised, raise_epoch};

/// The epoch before and after it was raised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EpochChange {
    /// The version of the document.
    pub v: u32,
    /// What it was.
    pub before: u16,
    /// What it is.
    pub after: u16,
}

impl Cluster {
    /// Raises the epoch to `to`, or by one, so that every fence from now on is greater than those of lower
    /// epochs. If this machine knew the store with a greater epoch than it has, above that one. No node may
    /// run meanwhile.
    ///
    /// Dropped, the change may or may not take place.
    ///
    /// # Errors
    ///
    /// Nodes run, or the epoch would not rise: then nothing is changed. Or etcd does not answer.
    pub async fn raise_epoch(&self, to: Option<u16>) -> Result<EpochChange, ClusterError> {
        let (etcd, keys) = (&self.connection.etcd, &self.connection.keys);
        let known = self.connection.memory.as_ref();
        let known = known.and_then(Memory::recall).map(|store| store.epoch());
        match raise_epoch(etcd, keys, to, known).await? {
            Raised::Done { before, after } => Ok(EpochChange {
                v: 1,
                before,
                after,
            }),
            Raised::Running { nodes } => Err(ClusterError::NodesRun { nodes }),
            Raised::NotHigher { before } => Err(ClusterError::EpochNotHigher { before }),
        }
    }
}
