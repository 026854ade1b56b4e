//! What the watch tells: who owns which slot, and that one of ours is gone.
//!
//! The watch and our own transactions travel on different connections, so either may be ahead. Only
//! what is newer than our own holding counts against it.

use std::collections::{BTreeMap, BTreeSet};

use super::Control;
use crate::coordination::{Change, Entry, Feed, PlannerKey, SlotRecord};
use crate::model::{Event, Slot};

/// The slots that somebody owns, as far as the watch has told.
#[derive(Default)]
pub(super) struct Taken {
    slots: BTreeMap<Slot, i64>,
    known: bool,
}

impl Taken {
    /// True once a snapshot has arrived.
    pub(super) fn known(&self) -> bool {
        self.known
    }

    pub(super) fn contains(&self, slot: &Slot) -> bool {
        self.slots.contains_key(slot)
    }

    pub(super) fn slots(&self) -> BTreeSet<Slot> {
        self.slots.keys().cloned().collect()
    }
}

impl Control<'_> {
    /// Takes in a part of the watch.
    pub(super) fn on_feed(&mut self, feed: Feed) {
        self.claims_due = true;
        match feed {
            Feed::Snapshot { entries, revision } => self.on_snapshot(&entries, revision),
            Feed::Changes { changes } => {
                for change in changes {
                    match change {
                        Change::Put(entry) => self.on_put(&entry),
                        Change::Delete { key, revision } => self.on_delete(&key, revision),
                    }
                }
            }
        }
    }

    fn on_snapshot(&mut self, entries: &[Entry], revision: i64) {
        self.taken = Taken {
            slots: BTreeMap::new(),
            known: true,
        };
        for entry in entries {
            self.on_put(entry);
        }
        let missing: Vec<Slot> = self
            .slots
            .iter()
            .filter(|(slot, held)| {
                held.revision().is_some_and(|ours| ours <= revision) && !self.taken.contains(slot)
            })
            .map(|(slot, _)| slot.clone())
            .collect();
        for slot in missing {
            self.slot_lost(&slot, "its key is gone");
        }
    }

    fn on_put(&mut self, entry: &Entry) {
        match self.session.keys.parse_planner(&entry.key) {
            Some(PlannerKey::Slot(slot)) => {
                self.taken.slots.insert(slot.clone(), entry.mod_revision);
                let ours = serde_json::from_slice::<SlotRecord>(&entry.value)
                    .is_ok_and(|record| record.incarnation == *self.session.incarnation);
                if !ours && self.is_older(&slot, entry.mod_revision) {
                    self.slot_lost(&slot, "somebody else owns it");
                }
            }
            Some(
                PlannerKey::Member(_) | PlannerKey::Job(_) | PlannerKey::Leader | PlannerKey::Meta,
            )
            | None => {}
        }
    }

    fn on_delete(&mut self, key: &[u8], revision: i64) {
        match self.session.keys.parse_planner(key) {
            Some(PlannerKey::Slot(slot)) => {
                self.taken.slots.remove(&slot);
                self.pauses.remove(&slot);
                if self.is_older(&slot, revision) {
                    self.slot_lost(&slot, "its key was deleted");
                }
            }
            Some(PlannerKey::Member(node)) if node == self.session.node => {
                self.lose_session("the node's member key was deleted".to_owned());
            }
            Some(
                PlannerKey::Member(_) | PlannerKey::Job(_) | PlannerKey::Leader | PlannerKey::Meta,
            )
            | None => {}
        }
    }

    /// True if we hold `slot` since before `revision`.
    fn is_older(&self, slot: &Slot, revision: i64) -> bool {
        self.slots
            .get(slot)
            .and_then(|held| held.revision())
            .is_some_and(|ours| ours < revision)
    }

    fn slot_lost(&mut self, slot: &Slot, why: &str) {
        let releasing = self.slots.get(slot).is_some_and(|held| !held.has_worker());
        if !releasing {
            tracing::warn!(job = %slot.job, index = slot.index, why, "slot lost");
        }
        self.feed(slot, Event::Lost);
    }
}
