//! The transactions under way: bounded in number, repeated with patience, dropped with the session.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::task::JoinSet;

use super::{Control, REFUSED_PAUSE};
use crate::coordination::{Answer, Session};
use crate::model::{Backoff, Effect, Event, Slot};

/// So many transactions are sent at once.
pub(super) const CALLS: usize = 32;

const REPEAT: Backoff = Backoff {
    min: Duration::from_millis(20),
    max: Duration::from_secs(1),
};

/// A bounded set of transactions; what exceeds it waits in order.
pub(super) struct Calls {
    session: Session,
    waiting: VecDeque<(Slot, Effect, u32)>,
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

    /// Sends `effect` as soon as there is room. After `unknown` attempts without an answer it waits
    /// a little first.
    pub(super) fn push(&mut self, slot: Slot, effect: Effect, unknown: u32) {
        self.waiting.push_back((slot, effect, unknown));
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
            let Some((slot, effect, unknown)) = self.waiting.pop_front() else {
                return;
            };
            let session = self.session.clone();
            self.running.spawn(async move {
                if unknown > 0 {
                    tokio::time::sleep(REPEAT.delay(unknown, fastrand::f64())).await;
                }
                let answer = session.transact(&slot, effect).await;
                (slot, effect, answer)
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
            Answer::Granted { revision } => Event::Granted { revision },
            Answer::Released => Event::Released,
            Answer::Refused { owner } => {
                tracing::debug!(job = %slot.job, index = slot.index, ?owner, "refused");
                self.pauses
                    .insert(slot.clone(), self.clock.now() + REFUSED_PAUSE);
                Event::Refused
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
