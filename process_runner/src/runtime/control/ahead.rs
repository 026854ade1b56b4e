//! Moves that are prepared: the worker on the target runs `prepare` while the one on the source works.
//!
//! For jobs with `prepare_ahead`. Without it a worker prepares once its slot has arrived, and nobody runs
//! the slot meanwhile.
//!
//! ```text
//! source                                         target
//! plan: the slot goes to b                       plan: the slot is to come
//! note `Prepare` ------------------------------> the worker's task starts, without a fence
//!   works on                                       build, prepare
//! <------------------------ note acknowledged ---  waits for the slot
//! stops, hands over ---------------------------> the slot arrives: the same task gets its fence
//! ```
//!
//! # Guarantees
//!
//! - Nothing depends on it. The source stops when the note was acknowledged or when `prepare_ahead` is
//!   over; a slot that arrives finds the worker that is ready, or starts one.
//! - A target that is gone stops nobody: the source works on until a newer plan says where to.
//! - A worker without a fence runs no iteration, and `still_owned()` is false in it.
//! - A worker whose slot is not planned here any more is dropped.
//!
//! # How it fails
//!
//! A `prepare` that fails is acknowledged too: the worker tries again, as it does everywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinSet};

use super::Control;
use super::orders::Fate;
use crate::coordination::{Indexes, Note, Target};
use crate::job::Holding;
use crate::model::{Slot, StopPhase};

/// A worker's task, and the holding that is to begin.
pub(super) type Ready = (Id, Arc<Holding>);

/// What one session does ahead of moves, as their source and as their target.
#[derive(Default)]
pub(super) struct Ahead {
    /// Workers here that are ready, or about to be, and whose slots have not arrived.
    ready: BTreeMap<Slot, Ready>,
    /// Tasks of workers that were dropped; their ends mean nothing.
    dropped: BTreeSet<Id>,
    /// Notes that are acknowledged when these slots are prepared.
    notes: BTreeMap<Note, BTreeSet<Slot>>,
    /// Slots that leave: the incarnation they go to, and whether it may be assumed to be ready.
    leaving: BTreeMap<Slot, (String, bool)>,
    /// What is to be asked for, by target and patience.
    to_ask: Vec<(Arc<Target>, Duration, Slot)>,
    asking: usize,
    tasks: JoinSet<Done>,
}

/// What a task of these did.
pub(super) enum Done {
    /// The worker of this slot has run `prepare` once.
    Prepared(Slot),
    /// The target is ready for these, or is not waited for any longer.
    Asked(Arc<Target>, Vec<Slot>),
    /// The target is not there any more.
    Gone(Arc<Target>, Vec<Slot>),
}

impl Ahead {
    /// The end of a task. Cancel safe.
    pub(super) async fn next(&mut self) -> Done {
        loop {
            match self.tasks.join_next().await {
                Some(Ok(done)) => return done,
                // They run no code of users.
                Some(Err(error)) => tracing::error!(%error, "a preparation ended without a word"),
                None => pending().await,
            }
        }
    }

    /// The worker that waits for `slot`.
    pub(super) fn take(&mut self, slot: &Slot) -> Option<Ready> {
        self.ready.remove(slot)
    }

    /// True if `task` was the worker of a slot that never came.
    pub(super) fn ended(&mut self, task: Id) -> bool {
        let waited = self.ready.len();
        self.ready.retain(|_, (id, holding)| {
            let ended = *id == task;
            if ended {
                // Nobody is to wait for it.
                let _ = holding.prepared.set(());
            }
            !ended
        });
        self.dropped.remove(&task) || self.ready.len() < waited
    }

    /// True while a target is asked to prepare.
    pub(super) fn is_asking(&self) -> bool {
        self.asking > 0
    }

    /// True if `note` waits to be acknowledged.
    pub(super) fn has(&self, note: &Note) -> bool {
        self.notes.contains_key(note)
    }

    /// Drops the workers whose slots are not to come any more.
    fn retain(&mut self, comes: impl Fn(&Slot) -> bool) {
        self.ready.retain(|slot, (task, holding)| {
            let comes = comes(slot);
            if !comes {
                self.dropped.insert(*task);
                holding.request_stop(StopPhase::Abort);
                // Nobody is to wait for it.
                let _ = holding.prepared.set(());
            }
            comes
        });
    }

    /// The notes that wait for nothing more.
    fn prepared(&mut self, slot: &Slot) -> Vec<Note> {
        let mut done = Vec::new();
        self.notes.retain(|note, slots| {
            slots.remove(slot);
            if slots.is_empty() {
                done.push(note.clone());
            }
            !slots.is_empty()
        });
        done
    }
}

impl Control<'_> {
    /// As the source: true if the worker of `slot`, which leaves, works on until its target is ready.
    pub(super) fn waits_for_target(&mut self, slot: &Slot) -> bool {
        let jobs = &self.registrar.config.jobs;
        let patience = jobs
            .get(&slot.job)
            .map_or(Duration::ZERO, |j| j.prepare_ahead);
        let Some(held) = self.slots.get(slot).filter(|held| held.has_worker()) else {
            return false;
        };
        let Fate::Leave(target) = self.orders.of(slot, held.ordered) else {
            return false;
        };
        if patience.is_zero() || self.given_up {
            return false;
        }
        match self.ahead.leaving.get(slot) {
            Some((incarnation, ready)) if *incarnation == target.destination.incarnation => !ready,
            _ => {
                let incarnation = target.destination.incarnation.clone();
                self.ahead
                    .leaving
                    .insert(slot.clone(), (incarnation, false));
                self.ahead.to_ask.push((target, patience, slot.clone()));
                true
            }
        }
    }

    /// Sends what [`Control::waits_for_target`] gathered, one note for each target, and forgets what
    /// neither leaves nor comes any more.
    pub(super) fn ask_ahead(&mut self) {
        let mut notes: BTreeMap<(String, Duration), (Arc<Target>, Vec<Slot>)> = BTreeMap::new();
        for (target, patience, slot) in self.ahead.to_ask.drain(..) {
            let note = notes.entry((target.node.clone(), patience));
            note.or_insert_with(|| (target, Vec::new())).1.push(slot);
        }
        for ((_, patience), (target, slots)) in notes {
            let session = self.session.clone();
            self.ahead.asking += 1;
            self.ahead.tasks.spawn(async move {
                let jobs = by_job(&slots);
                match session.ask_to_prepare(&target, jobs, patience).await {
                    true => Done::Asked(target, slots),
                    false => Done::Gone(target, slots),
                }
            });
        }
        let (slots, orders) = (&self.slots, &self.orders);
        self.ahead.leaving.retain(|slot, _| {
            let held = slots.get(slot);
            held.is_some_and(|held| matches!(orders.of(slot, held.ordered), Fate::Leave(_)))
        });
        self.ahead.retain(|slot| orders.wants(slot));
    }

    /// As the target: starts the workers of slots that are to come.
    pub(super) fn make_ready(&mut self, note: Note, slots: Vec<Slot>) {
        let mut waits = BTreeSet::new();
        for slot in slots {
            let comes = self.orders.wants(&slot) && !self.slots.contains_key(&slot);
            if !comes || self.stopping || self.ahead.ready.contains_key(&slot) {
                continue;
            }
            let Some((task, holding)) = self.launch(&slot, false) else {
                continue;
            };
            tracing::info!(job = %slot.job, index = slot.index, "preparing a worker ahead of its slot");
            self.ahead
                .ready
                .insert(slot.clone(), (task, Arc::clone(&holding)));
            waits.insert(slot.clone());
            self.ahead.tasks.spawn(async move {
                holding.prepared.wait().await;
                Done::Prepared(slot)
            });
        }
        if waits.is_empty() {
            self.inbox.unacknowledged.push(note);
        } else {
            self.ahead.notes.insert(note, waits);
        }
    }

    /// Takes in what was done ahead.
    pub(super) fn on_ahead(&mut self, done: Done) {
        match done {
            Done::Prepared(slot) => {
                let notes = self.ahead.prepared(&slot);
                self.inbox.unacknowledged.extend(notes);
            }
            // A newer plan may have sent a slot elsewhere meanwhile: that target is asked by itself.
            Done::Asked(target, slots) => {
                self.ahead.asking -= 1;
                for slot in slots {
                    if let Some((to, ready)) = self.ahead.leaving.get_mut(&slot) {
                        *ready |= *to == target.destination.incarnation;
                    }
                }
                self.follow_orders();
            }
            Done::Gone(target, slots) => {
                self.ahead.asking -= 1;
                self.ahead.leaving.retain(|slot, (to, _)| {
                    *to != target.destination.incarnation || !slots.contains(slot)
                });
                // A newer plan that came meanwhile found these slots waiting, and asked nobody.
                let is_newer = |slot: &Slot| {
                    self.slots.get(slot).is_some_and(|held| {
                        let fate = self.orders.of(slot, held.ordered);
                        matches!(fate, Fate::Leave(now) if now != target)
                    })
                };
                if slots.iter().any(is_newer) {
                    self.follow_orders();
                }
            }
        }
    }
}

fn by_job(slots: &[Slot]) -> BTreeMap<String, Indexes> {
    let mut jobs: BTreeMap<String, Indexes> = BTreeMap::new();
    for slot in slots {
        let indexes = jobs.entry(slot.job.to_string()).or_default();
        indexes.insert(slot.index);
    }
    jobs
}
