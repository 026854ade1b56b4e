//! The transactions under way: bounded in number, repeated with patience, dropped with the session.
//!
//! What one node puts on one lease travels together. A single move is sent at once; while
//! [`BATCHES`] are under way the others gather, so that a node which hands over a hundred slots asks etcd
//! a few times and not a hundred.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use tokio::task::JoinSet;

use super::Control;
use crate::coordination::{Answer, Session, Transaction};
use crate::model::{Backoff, Effect, Event, Slot};

/// So many batches are under way at once.
pub(super) const BATCHES: usize = 8;
/// So many transactions make up a batch, at most: with three operations each they stay far below what
/// etcd takes in one request.
const BATCH: usize = 40;

const REPEAT: Backoff = Backoff {
    min: Duration::from_millis(20),
    max: Duration::from_secs(1),
};

/// One transaction, and how often it was sent without an answer.
struct Call {
    slot: Slot,
    effect: Effect,
    transaction: Transaction,
    unknown: u32,
}

impl Call {
    /// The node that the slot goes to. If its lease is gone, etcd refuses the whole batch.
    fn target(&self) -> Option<&str> {
        match &self.transaction {
            Transaction::Transfer { target, .. } => Some(&target.destination.incarnation),
            Transaction::Reclaim { .. } | Transaction::Release { .. } => None,
        }
    }

    fn travels_with(&self, other: &Self) -> bool {
        self.target() == other.target() && (self.unknown == 0) == (other.unknown == 0)
    }
}

/// What became of one call.
pub(super) type Answered = (Slot, Effect, Answer);

/// A bounded set of transactions; what exceeds it waits in order.
pub(super) struct Calls {
    session: Session,
    waiting: VecDeque<Call>,
    running: JoinSet<Vec<Answered>>,
}

impl Calls {
    pub(super) fn new(session: Session) -> Self {
        Self {
            session,
            waiting: VecDeque::new(),
            running: JoinSet::new(),
        }
    }

    /// Sends `transaction`, which carries out `effect`, as soon as there is room. After `unknown`
    /// attempts without an answer it waits a little first.
    pub(super) fn push(
        &mut self,
        slot: Slot,
        effect: Effect,
        transaction: Transaction,
        unknown: u32,
    ) {
        self.waiting.push_back(Call {
            slot,
            effect,
            transaction,
            unknown,
        });
        self.fill();
    }

    /// The next answers; `None` if nothing is under way. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<Vec<Answered>> {
        let done = self.running.join_next().await?;
        self.fill();
        // A batch that panicked has an unknown outcome; its slots repeat it on the next tick.
        done.ok()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty()
    }

    /// Drops what is under way: its outcome is unknown.
    pub(super) async fn shutdown(&mut self) {
        self.waiting.clear();
        self.running.shutdown().await;
    }

    fn fill(&mut self) {
        while self.running.len() < BATCHES {
            let batch = self.batch();
            if batch.is_empty() {
                return;
            }
            let session = self.session.clone();
            self.running
                .spawn(async move { send(&session, batch).await });
        }
    }

    /// The call that waits longest, and what may travel with it: one of each slot.
    fn batch(&mut self) -> Vec<Call> {
        let Some(first) = self.waiting.pop_front() else {
            return Vec::new();
        };
        let mut slots = BTreeSet::from([first.slot.clone()]);
        let mut batch = vec![first];
        let mut rest = VecDeque::with_capacity(self.waiting.len());
        for call in self.waiting.drain(..) {
            let room = batch.len() < BATCH && call.travels_with(&batch[0]);
            if room && slots.insert(call.slot.clone()) {
                batch.push(call);
            } else {
                rest.push_back(call);
            }
        }
        self.waiting = rest;
        batch
    }
}

async fn send(session: &Session, batch: Vec<Call>) -> Vec<Answered> {
    let unknown = batch.iter().map(|call| call.unknown).max().unwrap_or(0);
    if unknown > 0 {
        tokio::time::sleep(REPEAT.delay(unknown, fastrand::f64())).await;
    }
    let calls: Vec<_> = batch.iter().map(|c| (&c.slot, &c.transaction)).collect();
    let answers = session.transact(&calls).await;
    let calls = batch.into_iter().zip(answers);
    calls
        .map(|(call, answer)| (call.slot, call.effect, answer))
        .collect()
}

impl Control<'_> {
    pub(super) fn on_answers(&mut self, answers: Vec<Answered>) {
        for answered in answers {
            self.on_answer(answered);
        }
    }

    /// Takes in an answer, if its slot still waits for it.
    fn on_answer(&mut self, (slot, effect, answer): Answered) {
        let Some(held) = self.slots.get_mut(&slot) else {
            return;
        };
        if !held.machine().expects(effect) {
            return;
        }
        let event = match answer {
            Answer::Granted { revision } => {
                held.latest = held.latest.max(revision);
                Event::Granted { revision }
            }
            Answer::Released => Event::Released,
            Answer::Refused { owner } => {
                tracing::debug!(job = %slot.job, index = slot.index, ?owner, "refused");
                Event::Refused
            }
            Answer::Lost { owner } => {
                tracing::warn!(job = %slot.job, index = slot.index, ?owner, "slot lost");
                Event::Lost
            }
            Answer::Unknown { reason } => {
                held.unknown += 1;
                let attempts = held.unknown;
                tracing::debug!(job = %slot.job, index = slot.index, attempts, %reason, "unknown");
                self.heal();
                Event::Unknown
            }
            Answer::SessionOver => {
                return self.lose_session("the node's member key is gone".to_owned());
            }
        };
        self.feed(&slot, event);
    }
}
