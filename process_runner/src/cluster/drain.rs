//! Waiting until a node has left: the other half of `drain --wait`.

use std::collections::BTreeSet;

use super::{Cluster, NodeChange};
use crate::coordination::{
    Change, Entry, Feed, Follower, Keys, MemberRecord, PlannerKey, SlotRecord,
};
use crate::model::Slot;

impl Cluster {
    /// Waits until the process that acknowledged `change` has left the cluster, and tells
    /// `progress` how many slots it still has whenever that changes.
    ///
    /// While etcd does not answer it waits on. It has no deadline of its own: put a timeout around
    /// it. Cancel safe.
    pub async fn until_left(&self, change: &NodeChange, mut progress: impl FnMut(u64)) {
        let (etcd, keys) = (self.connection.etcd.clone(), self.connection.keys.clone());
        let mut follower = Follower::start(etcd, keys.planner_range());
        let mut leaving = Leaving::new(&keys, change);
        let mut told = None;
        while let Some(feed) = follower.next().await {
            leaving.take(feed);
            if leaving.has_left {
                return;
            }
            let left = leaving.slots.len() as u64;
            if told.replace(left) != Some(left) {
                progress(left);
            }
        }
    }
}

/// What is left of a node that drains.
struct Leaving<'a> {
    keys: &'a Keys,
    node: &'a str,
    incarnation: &'a str,
    slots: BTreeSet<Slot>,
    has_left: bool,
}

impl<'a> Leaving<'a> {
    fn new(keys: &'a Keys, change: &'a NodeChange) -> Self {
        Self {
            keys,
            node: &change.node,
            incarnation: &change.incarnation,
            slots: BTreeSet::new(),
            has_left: false,
        }
    }

    fn take(&mut self, feed: Feed) {
        match feed {
            Feed::Snapshot { entries, .. } => {
                self.slots.clear();
                // Unless its key is among them.
                self.has_left = true;
                entries.iter().for_each(|entry| self.put(entry));
            }
            Feed::Changes { changes } => changes.iter().for_each(|change| match change {
                Change::Put(entry) => self.put(entry),
                Change::Delete { key, .. } => self.delete(key),
            }),
        }
    }

    fn put(&mut self, entry: &Entry) {
        match self.keys.parse_planner(&entry.key) {
            Some(PlannerKey::Member(node)) if *node == *self.node => {
                // A value that cannot be read is not ours.
                let member = serde_json::from_slice::<MemberRecord>(&entry.value);
                let ours = member.is_ok_and(|member| member.incarnation == self.incarnation);
                self.has_left = !ours;
            }
            Some(PlannerKey::Slot(slot)) => {
                let record = serde_json::from_slice::<SlotRecord>(&entry.value);
                if record.is_ok_and(|record| record.incarnation == self.incarnation) {
                    self.slots.insert(slot);
                } else {
                    self.slots.remove(&slot);
                }
            }
            _ => {}
        }
    }

    fn delete(&mut self, key: &[u8]) {
        match self.keys.parse_planner(key) {
            Some(PlannerKey::Member(node)) if *node == *self.node => self.has_left = true,
            Some(PlannerKey::Slot(slot)) => drop(self.slots.remove(&slot)),
            _ => {}
        }
    }
}
