//! The cluster as the watch over the planner's range tells it, kept up to date change by change.
//!
//! Each change is parsed once, when it arrives. A hundred thousand slots are not read again because
//! one of them moved.
//!
//! # How it fails
//!
//! A value that cannot be read is named in the log once. A member like that counts as absent; a slot
//! like that counts as held by nobody that lives, so it is granted only after somebody removed it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::coordination::{
    Change, Entry, Feed, Keys, MemberRecord, OverrideRecord, OwnerRecord, PlannerKey, decode,
    holder_in,
};
use crate::model::Slot;
use crate::model::leading::Holder;

/// What the planner's range says.
#[derive(Debug, Default)]
pub(super) struct Picture {
    /// A snapshot has arrived.
    pub(super) complete: bool,
    /// Nothing that was told is newer.
    pub(super) revision: i64,
    pub(super) leader: Option<Holder>,
    pub(super) members: BTreeMap<Arc<str>, Member>,
    pub(super) overrides: BTreeMap<Arc<str>, OverrideRecord>,
    /// Who holds what, by job and index.
    pub(super) slots: BTreeMap<Arc<str>, BTreeMap<u32, Arc<str>>>,
}

/// A living node.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) record: MemberRecord,
    pub(super) incarnation: Arc<str>,
    pub(super) created: i64,
    pub(super) revision: i64,
}

impl Member {
    /// It is about to leave of its own will.
    fn drains(&self) -> bool {
        self.record.state == "draining"
    }
}

/// What a part of the watch meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    Joined {
        incarnation: Arc<str>,
        /// How often it crashed lately; 0 for one that was given slots already.
        crashes: u32,
    },
    Left {
        incarnation: Arc<str>,
        orderly: bool,
    },
    /// A slot has this incarnation as its owner now, or none.
    Owned { slot: Slot, by: Option<Arc<str>> },
    /// Something else that a plan rests on.
    Changed,
}

impl Picture {
    /// Takes in a part of the watch, and says what it meant.
    pub(super) fn apply(&mut self, keys: &Keys, feed: Feed) -> Vec<News> {
        match feed {
            Feed::Snapshot { entries, revision } => self.replace(keys, &entries, revision),
            Feed::Changes { changes } => changes
                .iter()
                .filter_map(|change| match change {
                    Change::Put(entry) => self.put(keys, entry),
                    Change::Delete { key, revision } => self.delete(keys, key, *revision),
                })
                .collect(),
        }
    }

    /// A snapshot replaces everything; who is still there did not join anew.
    fn replace(&mut self, keys: &Keys, entries: &[Entry], revision: i64) -> Vec<News> {
        let before = std::mem::take(self);
        self.complete = true;
        for entry in entries {
            self.put(keys, entry);
        }
        self.revision = revision;
        let lives = |members: &BTreeMap<Arc<str>, Member>, name: &Arc<str>, member: &Member| {
            members
                .get(name)
                .is_some_and(|other| other.incarnation == member.incarnation)
        };
        let mut news = vec![News::Changed];
        for (name, member) in &before.members {
            if !lives(&self.members, name, member) {
                news.push(left(member));
            }
        }
        let holders: BTreeSet<&Arc<str>> = self.slots.values().flat_map(BTreeMap::values).collect();
        for (name, member) in &self.members {
            if !lives(&before.members, name, member) {
                // How long it has been up, nobody knows here. Whoever was given slots is no newcomer,
                // and must not lose them because the leader changed.
                let trusted = holders.contains(&member.incarnation);
                news.push(joined(member, trusted));
            }
        }
        news
    }

    fn put(&mut self, keys: &Keys, entry: &Entry) -> Option<News> {
        self.revision = self.revision.max(entry.mod_revision);
        match keys.parse_planner(&entry.key)? {
            PlannerKey::Member(name) => self.put_member(name, entry),
            PlannerKey::Slot(slot) => {
                let by = self.owner(entry);
                let of_job = self.slots.entry(Arc::clone(&slot.job)).or_default();
                of_job.insert(slot.index, Arc::clone(&by));
                Some(News::Owned { slot, by: Some(by) })
            }
            PlannerKey::Job(job) => {
                self.overrides.insert(job, read(entry)?);
                Some(News::Changed)
            }
            PlannerKey::Leader => {
                self.leader = Some(holder_in(entry));
                None
            }
            PlannerKey::Meta => None,
        }
    }

    /// The incarnation that a slot's value names: the member's own, shared, if it is there.
    fn owner(&self, entry: &Entry) -> Arc<str> {
        // Nobody that lives has the empty incarnation.
        let Some(owner) = read::<OwnerRecord<'_>>(entry) else {
            return "".into();
        };
        let member = self.members.get(&*owner.owner);
        match member.filter(|member| *member.incarnation == *owner.incarnation) {
            Some(member) => Arc::clone(&member.incarnation),
            None => owner.incarnation.into(),
        }
    }

    fn put_member(&mut self, name: Arc<str>, entry: &Entry) -> Option<News> {
        let record: MemberRecord = read(entry)?;
        let member = Member {
            incarnation: record.incarnation.as_str().into(),
            record,
            created: entry.create_revision,
            revision: entry.mod_revision,
        };
        let news = joined(&member, false);
        match self.members.insert(name, member) {
            Some(before) if is_of(&news, &before.incarnation) => Some(News::Changed),
            _ => Some(news),
        }
    }

    fn delete(&mut self, keys: &Keys, key: &[u8], revision: i64) -> Option<News> {
        self.revision = self.revision.max(revision);
        match keys.parse_planner(key)? {
            PlannerKey::Member(name) => self.members.remove(&name).map(|member| left(&member)),
            PlannerKey::Slot(slot) => {
                let of_job = self.slots.get_mut(&slot.job)?;
                of_job.remove(&slot.index)?;
                if of_job.is_empty() {
                    self.slots.remove(&slot.job);
                }
                Some(News::Owned { slot, by: None })
            }
            PlannerKey::Job(job) => self.overrides.remove(&job).map(|_| News::Changed),
            PlannerKey::Leader => {
                self.leader = None;
                None
            }
            PlannerKey::Meta => None,
        }
    }
}

fn joined(member: &Member, trusted: bool) -> News {
    News::Joined {
        incarnation: Arc::clone(&member.incarnation),
        crashes: if trusted { 0 } else { member.record.crashes },
    }
}

fn left(member: &Member) -> News {
    News::Left {
        incarnation: Arc::clone(&member.incarnation),
        orderly: member.drains(),
    }
}

fn is_of(news: &News, incarnation: &str) -> bool {
    matches!(news, News::Joined { incarnation: joined, .. } if **joined == *incarnation)
}

fn read<'e, T: serde::Deserialize<'e>>(entry: &'e Entry) -> Option<T> {
    let key = String::from_utf8_lossy(&entry.key);
    decode(&key, &entry.value)
        .inspect_err(|error| tracing::warn!(%error, "left out of the plan"))
        .ok()
}
