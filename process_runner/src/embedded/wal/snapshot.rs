//! The whole store as the beginning of a log file.
//!
//! Taking a snapshot under the lock copies pointers only; encoding happens on the log's thread. A file with a snapshot
//! gets its name after the snapshot is on disk, so a file without a complete one is damaged, not torn.

use std::time::Duration;

use super::super::store::{Entry, Identity, KeySpace, Leases, Retention, Store};
use super::codec::{Item, Meta, write_item};
use super::frame;

/// About how large a frame of a snapshot gets.
const FRAME_BYTES: usize = 1 << 20;

/// A store at one moment.
#[derive(Debug)]
pub(super) struct Snapshot {
    meta: Meta,
    old: Vec<Entry>,
    logged: Vec<Entry>,
    leases: Vec<(i64, i64)>,
}

impl Snapshot {
    pub(super) fn of(store: &Store) -> Self {
        let (old, logged) = store.space().entries();
        Self {
            meta: Meta {
                cluster_id: store.identity().cluster_id,
                member_id: store.identity().member_id,
                term: store.term(),
                revision: store.revision(),
                compacted: store.space().compacted(),
            },
            old,
            logged,
            leases: store.leases().granted(),
        }
    }

    fn into_items(self) -> impl Iterator<Item = Item> {
        let leases = self.leases.into_iter();
        std::iter::once(Item::Meta(self.meta))
            .chain(leases.map(|(id, ttl)| Item::Lease { id, ttl }))
            .chain(self.old.into_iter().map(Item::Old))
            .chain(self.logged.into_iter().map(Item::Logged))
            .chain(std::iter::once(Item::SnapshotEnd))
    }

    /// A log file with this snapshot, and the number of its next frame.
    pub(super) fn encode(self) -> (Vec<u8>, u32) {
        let mut file = frame::preamble().to_vec();
        let mut payload = Vec::new();
        let mut number = 0;
        for item in self.into_items() {
            write_item(&mut payload, &item);
            if payload.len() > FRAME_BYTES || item == Item::SnapshotEnd {
                frame::write(&mut file, &payload, number);
                payload.clear();
                number += 1;
            }
        }
        (file, number)
    }
}

/// How a store is to be set up around saved contents.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) min_ttl: i64,
    pub(crate) retention: Retention,
}

/// Builds a store from the items of a file.
#[derive(Debug)]
pub(super) struct Loader {
    setup: Setup,
    space: Option<(Meta, KeySpace)>,
    leases: Vec<(i64, i64)>,
    store: Option<Store>,
}

impl Loader {
    pub(super) fn new(setup: Setup) -> Self {
        Self {
            setup,
            space: None,
            leases: Vec::new(),
            store: None,
        }
    }

    /// Whether the snapshot is complete, so that a torn frame may follow.
    pub(super) fn complete(&self) -> bool {
        self.store.is_some()
    }

    /// Takes the next item; an item out of place is damage.
    pub(super) fn take(&mut self, item: Item) -> Result<(), &'static str> {
        match (item, &mut self.space, &mut self.store) {
            (Item::Meta(meta), None, None) => {
                let space = KeySpace::at_revision(meta.revision, meta.compacted);
                self.space = Some((meta, space));
            }
            (Item::Old(entry), Some((_, space)), _) => space.load_old(entry),
            (Item::Logged(entry), Some((_, space)), _) => space.load_logged(entry),
            (Item::Lease { id, ttl }, Some(_), _) => self.leases.push((id, ttl)),
            (Item::SnapshotEnd, Some(_), None) => self.finish_snapshot(),
            // Leases get their full time when the server starts, at time zero of its clock.
            (Item::Step(record), _, Some(store)) => store.replay(record, Duration::ZERO),
            _ => return Err("an item out of place"),
        }
        Ok(())
    }

    fn finish_snapshot(&mut self) {
        let Some((meta, space)) = self.space.take() else {
            return;
        };
        let mut leases = Leases::new(self.setup.min_ttl);
        for (id, ttl) in self.leases.drain(..) {
            leases.load(id, ttl, Duration::ZERO);
        }
        let identity = Identity {
            cluster_id: meta.cluster_id,
            member_id: meta.member_id,
        };
        let mut store = Store::from_parts(identity, meta.term, space, leases, self.setup.retention);
        store.attach_loaded();
        self.store = Some(store);
    }

    pub(super) fn into_store(self) -> Option<Store> {
        self.store
    }
}
