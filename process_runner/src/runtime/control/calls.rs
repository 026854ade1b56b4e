//! The transactions under way: bounded in number, repeated with patience, dropped with the session.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::task::JoinSet;

use super::Control;
use crate::coordination::{Answer, Session, Transaction};
use crate::model::{Backoff, Effect, Event, Slot};

/// So many transactions are sent at once.
pub(super) const CALLS: usize = 32;

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

/// A bounded set of transactions; what exceeds it waits in order.
pub(super) struct Calls {
    session: Session,
    waiting: VecDeque<Call>,
    running: JoinSet<(Slot, Effect, Answer)>,
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

    /// The next answer; `None` if nothing is under way. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<(Slot, Effect, Answer)> {
        let done = self.running.join_next().await?;
        self.fill();
        // A transaction that panicked has an unknown outcome; its slot repeats it on the next tick.
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
        while self.running.len() < CALLS {
            let Some(call) = self.waiting.pop_front() else {
                return;
            };
            let session = self.session.clone();
            self.running.spawn(async move {
                if call.unknown > 0 {
                    tokio::time::sleep(REPEAT.delay(call.unknown, fastrand::f64())).await;
                }
                let answer = session.transact(&call.slot, &call.transaction).await;
                (call.slot, call.effect, answer)
            });
        }
    }
}

impl Control<'_> {
    /// Takes in an answer, if its slot still waits for it.
    pub(super) fn on_answer(&mut self, (slot, effect, answer): (Slot, Effect, Answer)) {
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
                Event::Unknown
            }
            Answer::SessionOver => {
                return self.lose_session("the node's member key is gone".to_owned());
            }
        };
        self.feed(&slot, event);
    }
}
