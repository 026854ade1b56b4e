//! `restart` and `kick`: what concerns workers is told to the nodes that hold their slots.

use std::collections::BTreeMap;

use serde::Serialize;
use tokio::task::JoinSet;

use super::node_state::{NOTE_PATIENCE, recipient};
use super::picture::Picture;
use super::{Cluster, ClusterError, known, unix_ms};
use crate::coordination::{CoordinationError, Delivery, Indexes, NoteRecord, Recipient, deliver};
use crate::model::Slot;

/// Nodes that are told at the same time.
const AT_ONCE: usize = 64;

/// What came of telling the owners of a job's slots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Told {
    /// The version of the document.
    pub v: u32,
    /// The job.
    pub job: String,
    /// The nodes that obeyed, with the workers that it concerned.
    pub obeyed: Vec<Addressed>,
    /// The nodes that did not, and will not.
    pub missed: Vec<Missed>,
}

/// A node that obeyed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Addressed {
    /// The node.
    pub node: String,
    /// The workers, as they were before.
    pub workers: Vec<WorkerBefore>,
}

/// A worker as it was before its node was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WorkerBefore {
    /// Its index.
    pub index: u32,
    /// Its state.
    pub before: String,
}

/// A node that did not obey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Missed {
    /// The node.
    pub node: String,
    /// The workers that it concerned.
    pub indexes: Vec<u32>,
    /// Why.
    pub reason: String,
}

/// The slots of a job that one living node holds.
struct Owner {
    recipient: Recipient,
    workers: Vec<WorkerBefore>,
}

impl Cluster {
    /// Makes the workers of `job` start afresh, or the one at `index`: the present record is
    /// finished, everything is unlocked, the slot stays where it is.
    ///
    /// Dropped, some nodes may obey and others not.
    ///
    /// # Errors
    ///
    /// Nobody knows the job or the index, no node holds a slot of it, or etcd does not answer.
    pub async fn restart(&self, job: &str, index: Option<u32>) -> Result<Told, ClusterError> {
        self.tell_owners(job, index, |indexes| NoteRecord::Restart {
            slots: BTreeMap::from([(job.to_owned(), indexes)]),
        })
        .await
    }

    /// Makes the workers of `job` that wait, because they found no work or because they failed, go
    /// on at once.
    ///
    /// Dropped, some nodes may obey and others not.
    ///
    /// # Errors
    ///
    /// Nobody knows the job, no node holds a slot of it, or etcd does not answer.
    pub async fn kick(&self, job: &str) -> Result<Told, ClusterError> {
        self.tell_owners(job, None, |_| NoteRecord::Kick {
            job: job.to_owned(),
        })
        .await
    }

    async fn tell_owners(
        &self,
        job: &str,
        index: Option<u32>,
        note: impl Fn(Indexes) -> NoteRecord,
    ) -> Result<Told, ClusterError> {
        let owners = self.owners(job, index).await?;
        let mut told = Told {
            v: 1,
            job: job.to_owned(),
            obeyed: Vec::new(),
            missed: Vec::new(),
        };
        let mut waiting = owners.into_iter();
        let mut telling = JoinSet::new();
        loop {
            for owner in waiting.by_ref().take(AT_ONCE - telling.len()) {
                let note = note(owner.workers.iter().map(|worker| worker.index).collect());
                let connection = (self.connection.etcd.clone(), self.connection.keys.clone());
                telling.spawn(async move {
                    let (etcd, keys) = connection;
                    let to = &owner.recipient;
                    let delivery = deliver(&etcd, &keys, to, &note, NOTE_PATIENCE).await;
                    (owner, delivery)
                });
            }
            match telling.join_next().await {
                None => break,
                Some(Ok((owner, delivery))) => told.add(owner, delivery),
                // It can only have panicked: nobody aborts it.
                Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
            }
        }
        told.obeyed.sort_by(|a, b| a.node.cmp(&b.node));
        told.missed.sort_by(|a, b| a.node.cmp(&b.node));
        Ok(told)
    }

    /// The living nodes that hold slots of `job`, or the one that holds this one.
    async fn owners(&self, job: &str, index: Option<u32>) -> Result<Vec<Owner>, ClusterError> {
        let cluster = self.read().await?;
        let picture = Picture::new(&cluster, unix_ms());
        known::job(&picture, job)?;
        if let Some(index) = index {
            known::slot(&picture, job, index)?;
        }
        let wanted = |slot: &Slot| *slot.job == *job && index.is_none_or(|it| it == slot.index);
        let mut owners: BTreeMap<&str, Owner> = BTreeMap::new();
        for (slot, owned) in cluster.slots.iter().filter(|(slot, _)| wanted(slot)) {
            let Some(member) = cluster.living_owner(owned) else {
                continue;
            };
            let node = owned.record.owner.as_str();
            let owner = owners.entry(node).or_insert_with(|| Owner {
                recipient: recipient(node, member),
                workers: Vec::new(),
            });
            let report = picture.report(slot, owned);
            let before = report.map_or("starting", |worker| &worker.state).to_owned();
            let index = slot.index;
            owner.workers.push(WorkerBefore { index, before });
        }
        if owners.is_empty() {
            let what = index.map_or(job.to_owned(), |index| format!("{job}@{index}"));
            return Err(ClusterError::NothingRuns { what });
        }
        Ok(owners.into_values().collect())
    }
}

impl Told {
    fn add(&mut self, owner: Owner, delivery: Result<Delivery, CoordinationError>) {
        let node = owner.recipient.node.to_string();
        let reason = match delivery {
            Ok(Delivery::Acknowledged) => {
                let workers = owner.workers;
                return self.obeyed.push(Addressed { node, workers });
            }
            Ok(Delivery::Gone) => ClusterError::Gone { node: node.clone() },
            Ok(Delivery::Unanswered) => ClusterError::Unanswered { node: node.clone() },
            Err(error) => error.into(),
        };
        self.missed.push(Missed {
            node,
            indexes: owner.workers.iter().map(|worker| worker.index).collect(),
            reason: reason.to_string(),
        });
    }
}
