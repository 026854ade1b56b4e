//! The inbox: the plan, slots that arrive, and what operators ask of this node.
//!
//! ```text
//! watch     --live note-->      act at once          \
//! watch     --snapshot-->  \                          >  acknowledge: delete the note
//! heartbeat --sighting-->   >  read the slots, then act /
//! ```
//!
//! An operator's note is obeyed once it was taken out of the inbox: one that was withdrawn while this
//! node was suspended is not obeyed later.
//!
//! A note of slots is a doorbell, never the truth. One that was just put names slots that were put in the
//! same revision, so its own revision is theirs. One of unknown age (a snapshot, or what a renewal
//! saw) names slots that may have moved on: they are read first.
//!
//! The deletion of the plan says that the lease is gone, earlier than any renewal would.
//!
//! # How it fails
//!
//! A note whose acknowledgement is lost is read again, by the next snapshot or renewal; it is known
//! by its key and its revision then and means nothing.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::Control;
use crate::coordination::{
    CallError, Change, Entry, Feed, Follower, Indexes, Note, NoteRecord, PlanRecord, Session,
    SlotRecord,
};
use crate::model::{Event, Moment, Slot, StopReason};

/// An acknowledged note is remembered so long: longer than any read that may still show it.
const REMEMBERED: Duration = Duration::from_secs(60);
/// A note that is there so long after it was seen was not deleted: longer than any call takes.
const LOST: Duration = Duration::from_secs(5);

/// One session's inbox.
pub(super) struct Inbox {
    follower: Follower,
    /// The keys of notes that were seen: at which revision, and when.
    seen: BTreeMap<Vec<u8>, (i64, Moment)>,
    /// Operators' notes that are to be taken.
    offered: Vec<(Vec<u8>, NoteRecord)>,
    /// Obeyed, and not yet acknowledged.
    pub(super) unacknowledged: Vec<Note>,
    acknowledging: bool,
    /// Slots of notes of unknown age.
    doubtful: Vec<Slot>,
    reading: bool,
    /// The last read failed; it is tried again after the next renewal.
    unreadable: bool,
    tasks: JoinSet<Done>,
}

/// What an inbox has to tell.
pub(super) enum Heard {
    Feed(Feed),
    Done(Done),
}

/// What a task of the inbox did.
pub(super) enum Done {
    /// These went with it, and were not seen before.
    Acknowledged(Vec<Entry>),
    /// An operator's note was taken, or may have been.
    Taken(NoteRecord),
    /// It was withdrawn.
    Withdrawn,
    /// These slots were read.
    Read(Vec<Slot>, Result<Vec<(Slot, SlotRecord, i64)>, CallError>),
}

impl Inbox {
    /// Begins to follow the inbox of `session`.
    pub(super) fn start(session: &Session) -> Self {
        let range = session.keys.inbox(&session.node);
        Self {
            follower: session.follow(range),
            seen: BTreeMap::new(),
            offered: Vec::new(),
            unacknowledged: Vec::new(),
            acknowledging: false,
            doubtful: Vec::new(),
            reading: false,
            unreadable: false,
            tasks: JoinSet::new(),
        }
    }

    /// The next part of the watch, or the end of a task. Cancel safe.
    pub(super) async fn next(&mut self) -> Heard {
        loop {
            tokio::select! {
                biased;
                Some(feed) = self.follower.next() => return Heard::Feed(feed),
                // A task that panicked leaves its notes to the next renewal.
                Some(done) = self.tasks.join_next() => {
                    if let Ok(done) = done {
                        return Heard::Done(done);
                    }
                }
                else => pending().await,
            }
        }
    }

    /// Sends what waits, one of each kind at a time, so that bursts go out together.
    pub(super) fn send(&mut self, session: &Session) {
        for (key, note) in self.offered.drain(..) {
            let session = session.clone();
            self.tasks.spawn(async move {
                match session.take_note(&key).await {
                    Ok(true) => Done::Taken(note),
                    Ok(false) => Done::Withdrawn,
                    Err(error) => {
                        tracing::debug!(%error, "a note may or may not be taken; obeying it");
                        Done::Taken(note)
                    }
                }
            });
        }
        if !self.acknowledging && !self.unacknowledged.is_empty() {
            self.acknowledging = true;
            let notes = std::mem::take(&mut self.unacknowledged);
            let session = session.clone();
            self.tasks.spawn(async move {
                let unseen = session.acknowledge(&notes).await;
                Done::Acknowledged(unseen.unwrap_or_else(|error| {
                    tracing::debug!(%error, "notes could not be acknowledged; they are read again");
                    Vec::new()
                }))
            });
        }
        if !self.reading && !self.unreadable && !self.doubtful.is_empty() {
            self.reading = true;
            let slots = std::mem::take(&mut self.doubtful);
            let session = session.clone();
            self.tasks.spawn(async move {
                let found = session.read_slots(&slots).await;
                Done::Read(slots, found)
            });
        }
    }

    /// etcd answers: what could not be read is tried again, what is long past forgotten.
    pub(super) fn healthy(&mut self, now: Moment) {
        self.unreadable = false;
        self.seen.retain(|_, (_, at)| now < *at + REMEMBERED);
    }
}

impl Control<'_> {
    /// Takes in what the inbox has to tell.
    pub(super) fn on_inbox(&mut self, heard: Heard) {
        match heard {
            Heard::Done(done) => self.on_inbox_done(done),
            Heard::Feed(Feed::Snapshot { entries, .. }) => self.read_inbox(&entries),
            Heard::Feed(Feed::Changes { changes }) => {
                for change in changes {
                    match change {
                        Change::Put(entry) => self.on_entry(&entry, true),
                        Change::Delete { key, .. } => self.on_deletion(&key),
                    }
                }
            }
        }
    }

    /// Takes in an inbox of unknown age.
    pub(super) fn read_inbox(&mut self, entries: &[Entry]) {
        for entry in entries {
            self.on_entry(entry, false);
        }
    }

    /// Notes are deleted by this node. Its plan goes with the lease alone: nobody waits for the next
    /// renewal then, because the leader grants the slots to others at this moment. A lease may end
    /// before its time when an administrator revokes it, and when a leader of etcd that was paused
    /// wakes up and revokes what others have renewed (etcd#15247, before 3.4.31 and 3.5.13).
    fn on_deletion(&mut self, key: &[u8]) {
        if self.session.keys.parse_plan(key).is_some() {
            self.lose_session("the lease was revoked".to_owned());
        }
    }

    fn on_entry(&mut self, entry: &Entry, live: bool) {
        if self.session.keys.parse_plan(&entry.key).is_some() {
            return self.on_plan(entry);
        }
        let now = self.clock.now();
        let note = Note::from(entry);
        if self.ahead.has(&note) {
            return;
        }
        match self.inbox.seen.get(&note.key) {
            Some((seen, at)) if *seen >= note.revision => {
                // Still there long after: the deletion was lost.
                if now > *at + LOST {
                    self.inbox.unacknowledged.push(note);
                }
                return;
            }
            // A copy of the transaction that put it took place later, and so did what it speaks of.
            Some(_) | None => {}
        }
        let seen = (note.revision, now);
        self.inbox.seen.insert(note.key.clone(), seen);
        let revision = live.then_some(note.revision);
        match serde_json::from_slice::<NoteRecord>(&entry.value) {
            Ok(NoteRecord::Arrived {
                slots,
                ordered,
                retiring,
            }) => {
                self.inbox.unacknowledged.push(note);
                match revision {
                    Some(revision) => {
                        for slot in each(&slots) {
                            self.arrive(slot, revision, ordered, retiring);
                        }
                    }
                    None => self.inbox.doubtful.extend(each(&slots)),
                }
            }
            Ok(NoteRecord::Prepare { slots }) => {
                self.make_ready(note, each(&slots).collect());
            }
            Ok(asked) => self.inbox.offered.push((note.key, asked)),
            Err(error) => {
                self.inbox.unacknowledged.push(note);
                let key = String::from_utf8_lossy(&entry.key);
                tracing::warn!(%key, %error, "a note cannot be read; it is from another version");
            }
        }
    }

    fn on_plan(&mut self, entry: &Entry) {
        let plan: PlanRecord = match serde_json::from_slice(&entry.value) {
            Ok(plan) => plan,
            Err(error) => {
                let key = String::from_utf8_lossy(&entry.key);
                tracing::warn!(%key, %error, "the plan cannot be read; going on as before");
                return;
            }
        };
        if plan.incarnation == *self.session.incarnation
            && self.orders.take(plan, entry.mod_revision)
        {
            self.follow_orders();
        }
    }

    /// Does what an operator asks for.
    fn obey_note(&mut self, note: NoteRecord) {
        match note {
            // These are no operator's.
            NoteRecord::Arrived { .. } | NoteRecord::Prepare { .. } => {}
            NoteRecord::Quiet => self.handle.quiet(),
            NoteRecord::Resume => self.handle.resume(),
            NoteRecord::Drain => self.handle.drain(),
            NoteRecord::Stop => self.handle.stop(),
            NoteRecord::Dump => self.handle.dump(),
            NoteRecord::Restart { slots } => {
                for slot in each(&slots) {
                    tracing::info!(job = %slot.job, index = slot.index, "restart asked for");
                    self.feed(&slot, Event::Stop(StopReason::GiveUp));
                }
            }
            NoteRecord::Kick { job } => {
                for (_, held) in self.slots.iter().filter(|(slot, _)| *slot.job == *job) {
                    if let Some(holding) = &held.holding {
                        holding.kick.notify_one();
                    }
                }
            }
        }
    }

    fn on_inbox_done(&mut self, done: Done) {
        match done {
            Done::Acknowledged(unseen) => {
                self.inbox.acknowledging = false;
                self.read_inbox(&unseen);
            }
            Done::Taken(note) => self.obey_note(note),
            Done::Withdrawn => tracing::debug!("a note was withdrawn before it was obeyed"),
            Done::Read(asked, found) => {
                self.inbox.reading = false;
                match found {
                    Ok(slots) => self.take_found(slots),
                    Err(error) => {
                        tracing::debug!(%error, "slots of a note could not be read");
                        self.inbox.unreadable = true;
                        self.inbox.doubtful.extend(asked);
                    }
                }
            }
        }
    }

    fn take_found(&mut self, slots: Vec<(Slot, SlotRecord, i64)>) {
        for (slot, record, revision) in slots {
            if record.incarnation == *self.session.incarnation {
                self.arrive(slot, revision, record.ordered, record.retiring);
            }
        }
    }
}

fn each(slots: &BTreeMap<String, Indexes>) -> impl Iterator<Item = Slot> {
    slots.iter().flat_map(|(job, indexes)| {
        let job: Arc<str> = job.as_str().into();
        indexes.iter().map(move |index| Slot {
            job: Arc::clone(&job),
            index,
        })
    })
}
