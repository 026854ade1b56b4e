//! The watchers of one stream, as a pure state machine: no channel, no task, no clock.
//!
//! # Model
//!
//! A watcher is a range of keys and the next revision it has to look at. It has no queue: events are read from the
//! store's history when the stream can take them, so a slow client costs nothing but its place, and one that falls
//! behind a compaction is told so and ends. A fresh watcher that starts in the past gets that past in batches; from then
//! on every revision is one response with all its events.
//!
//! # Guarantees
//!
//! Per watcher: revisions in order, none twice, none missing, none split over two responses. Across the watchers of a
//! stream: revision by revision. The header of a response names a revision up to which this watcher has seen everything.

use std::collections::BTreeMap;

use etcd_client::proto::{PbEvent, PbKeyValue, PbWatchResponse};

use super::store::{Entry, KeyRange, KeySpace, Store, is_delete};

/// How far behind a watcher may be and still get revision by revision.
const LIVE_LAG: i64 = 128;

/// How many revisions one response may batch.
const BATCH_REVISIONS: i64 = 1000;

/// About how many bytes of events one pull may copy.
const PULL_BYTES: usize = 1 << 20;

/// What a client wants to see.
#[derive(Debug, Clone, Default)]
pub(crate) struct WatchSpec {
    pub(crate) id: i64,
    pub(crate) key: Vec<u8>,
    pub(crate) range_end: Vec<u8>,
    pub(crate) start_revision: i64,
    pub(crate) progress_notify: bool,
    pub(crate) prev_kv: bool,
    pub(crate) no_put: bool,
    pub(crate) no_delete: bool,
}

#[derive(Debug)]
struct Watcher {
    spec: WatchSpec,
    /// The next revision to look at.
    next: i64,
    /// Starts in the past and has not reached the present yet.
    catching_up: bool,
    /// Told that its history is gone. It stays listed until the client cancels it.
    ended: bool,
    /// Had no event since the last round of progress notices.
    quiet: bool,
}

/// All watchers of one stream.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    table: BTreeMap<i64, Watcher>,
    next_id: i64,
}

/// What one pull brought.
#[derive(Debug, Default)]
pub(crate) struct Pulled {
    pub(crate) responses: Vec<PbWatchResponse>,
    /// Whether there is more to pull at once.
    pub(crate) more: bool,
    bytes: usize,
}

impl Watchers {
    /// Adds a watcher, as seen at revision `now`.
    pub(crate) fn create(
        &mut self,
        mut spec: WatchSpec,
        store: &Store,
        now: i64,
    ) -> PbWatchResponse {
        if spec.key.is_empty() {
            // The smallest key there is.
            spec.key = vec![0];
        }
        let mut response = PbWatchResponse {
            header: Some(store.header(now)),
            watch_id: -1,
            created: true,
            ..Default::default()
        };
        match self.pick_id(&spec) {
            Ok(id) => {
                response.watch_id = id;
                self.insert(id, spec, now);
            }
            Err(reason) => {
                response.canceled = true;
                response.cancel_reason = reason.to_owned();
            }
        }
        response
    }

    fn pick_id(&mut self, spec: &WatchSpec) -> Result<i64, &'static str> {
        if KeyRange::new(&spec.key, &spec.range_end).bounds().is_none() {
            return Err("mvcc: watcher range is empty");
        }
        if spec.id != 0 {
            return match self.table.contains_key(&spec.id) {
                true => Err("mvcc: duplicate watch ID provided on the WatchStream"),
                false => Ok(spec.id),
            };
        }
        while self.table.contains_key(&self.next_id) {
            self.next_id += 1;
        }
        self.next_id += 1;
        Ok(self.next_id - 1)
    }

    fn insert(&mut self, id: i64, spec: WatchSpec, now: i64) {
        let next = match spec.start_revision {
            0 => now + 1,
            revision => revision,
        };
        let watcher = Watcher {
            next,
            catching_up: next <= now,
            ended: false,
            quiet: true,
            spec,
        };
        self.table.insert(id, watcher);
    }

    /// Removes a watcher. An unknown one gets no answer.
    pub(crate) fn cancel(&mut self, id: i64, store: &Store, now: i64) -> Option<PbWatchResponse> {
        self.table.remove(&id)?;
        Some(PbWatchResponse {
            header: Some(store.header(now)),
            watch_id: id,
            canceled: true,
            ..Default::default()
        })
    }

    /// The answer to a request for progress. To be given only when everything up to `now` has been pulled.
    pub(crate) fn progress(store: &Store, now: i64) -> PbWatchResponse {
        PbWatchResponse {
            header: Some(store.header(now)),
            watch_id: -1,
            ..Default::default()
        }
    }

    /// Whether anybody wants progress notices.
    pub(crate) fn wants_progress(&self) -> bool {
        self.table
            .values()
            .any(|watcher| watcher.spec.progress_notify)
    }

    /// A round of progress notices: to those who want them and have heard nothing since the last round.
    pub(crate) fn progress_round(&mut self, store: &Store, now: i64) -> Vec<PbWatchResponse> {
        let mut responses = Vec::new();
        for (&id, watcher) in &mut self.table {
            let due = watcher.spec.progress_notify && watcher.quiet && !watcher.ended;
            if due && watcher.next == now + 1 {
                responses.push(PbWatchResponse {
                    watch_id: id,
                    ..Self::progress(store, now)
                });
            }
            watcher.quiet = true;
        }
        responses
    }

    /// Reads on from the history, up to revision `upto` or until enough is read for now.
    pub(crate) fn pull(&mut self, store: &Store, upto: i64) -> Pulled {
        let mut pulled = Pulled::default();
        let compacted = store.space().compacted();
        for (&id, watcher) in &mut self.table {
            if watcher.ended || watcher.next > upto {
                continue;
            }
            if watcher.next < compacted {
                watcher.ended = true;
                pulled.responses.push(PbWatchResponse {
                    header: Some(store.header(0)),
                    watch_id: id,
                    canceled: true,
                    compact_revision: compacted,
                    ..Default::default()
                });
            } else if watcher.catching_up || upto - watcher.next > LIVE_LAG {
                watcher.catch_up(id, store, upto, &mut pulled);
            }
        }
        self.pull_live(store, upto, &mut pulled);
        pulled
    }

    /// Revision by revision, for all who are close to the present.
    fn pull_live(&mut self, store: &Store, upto: i64, pulled: &mut Pulled) {
        let mut live: Vec<_> = self
            .table
            .iter_mut()
            .filter(|(_, watcher)| !watcher.ended && !watcher.catching_up && watcher.next <= upto)
            .collect();
        let Some(from) = live.iter().map(|(_, watcher)| watcher.next).min() else {
            return;
        };
        let mut changes = store.space().changes(from, upto).peekable();
        while let Some(revision) = changes.peek().map(|entry| entry.mod_revision) {
            if pulled.bytes > PULL_BYTES {
                pulled.more = true;
                return;
            }
            let mut batch = Vec::new();
            while let Some(entry) = changes.next_if(|entry| entry.mod_revision == revision) {
                batch.push(entry);
            }
            for (id, watcher) in &mut live {
                if watcher.next <= revision {
                    let events = watcher.events(batch.iter().copied(), store.space());
                    watcher.respond(**id, events, store, revision, pulled);
                    watcher.next = revision + 1;
                }
            }
        }
        for (_, watcher) in live {
            watcher.next = upto + 1;
        }
    }
}

impl Watcher {
    /// One response with as much of the past as it may hold.
    fn catch_up(&mut self, id: i64, store: &Store, upto: i64, pulled: &mut Pulled) {
        self.catching_up = true;
        let last = upto.min(self.next.saturating_add(BATCH_REVISIONS - 1));
        let mut events = Vec::new();
        let mut seen = last;
        let mut bytes = pulled.bytes;
        let mut revision = self.next;
        for entry in store.space().changes(self.next, last) {
            if entry.mod_revision != revision && bytes > PULL_BYTES {
                seen = revision;
                break;
            }
            revision = entry.mod_revision;
            if let Some(event) = self.event(entry, store.space()) {
                bytes += event_bytes(&event);
                events.push(event);
            }
        }
        self.next = seen + 1;
        self.catching_up = seen < upto;
        pulled.more |= self.catching_up;
        self.respond(id, events, store, seen, pulled);
    }

    fn respond(
        &mut self,
        id: i64,
        events: Vec<PbEvent>,
        store: &Store,
        revision: i64,
        pulled: &mut Pulled,
    ) {
        if events.is_empty() {
            return;
        }
        self.quiet = false;
        pulled.bytes += events.iter().map(event_bytes).sum::<usize>();
        pulled.responses.push(PbWatchResponse {
            header: Some(store.header(revision)),
            watch_id: id,
            events,
            ..Default::default()
        });
    }

    fn events<'e>(
        &self,
        entries: impl Iterator<Item = &'e Entry>,
        space: &KeySpace,
    ) -> Vec<PbEvent> {
        entries
            .filter_map(|entry| self.event(entry, space))
            .collect()
    }

    /// The event this watcher gets for a change, if any.
    fn event(&self, entry: &Entry, space: &KeySpace) -> Option<PbEvent> {
        let delete = is_delete(entry);
        let hidden = if delete {
            self.spec.no_delete
        } else {
            self.spec.no_put
        };
        if hidden || !KeyRange::new(&self.spec.key, &self.spec.range_end).contains(&entry.key) {
            return None;
        }
        let created = !delete && entry.create_revision == entry.mod_revision;
        let before = entry.mod_revision - 1;
        let prev_kv = match self.spec.prev_kv && !created && before >= space.compacted() {
            true => space
                .get(&entry.key, before)
                .map(|kv| PbKeyValue::clone(kv)),
            false => None,
        };
        Some(PbEvent {
            r#type: i32::from(delete),
            kv: Some(PbKeyValue::clone(entry)),
            prev_kv,
        })
    }
}

fn event_bytes(event: &PbEvent) -> usize {
    let size = |kv: &Option<PbKeyValue>| {
        kv.as_ref()
            .map_or(0, |kv| kv.key.len() + kv.value.len() + 64)
    };
    size(&event.kv) + size(&event.prev_kv)
}
