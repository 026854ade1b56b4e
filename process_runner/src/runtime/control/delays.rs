//! Slots of jobs with a `lock_delay`: how did the holding before end, and so when may the worker begin?
//!
//! A slot that was put anew here was ours before, and its machine knows how that ended. Of one that came from
//! elsewhere etcd knows: right before it became ours, did it have an owner, and what did the ledger say? What
//! began at one revision is asked about together, so a node that is granted fifty slots asks once.
//!
//! # Guarantees
//!
//! - A worker begins only once the answer is there. Without a `lock_delay` nothing is asked.
//! - At most [`READS`] are under way at once; the others wait, at most one for each slot.
//!
//! # How it fails
//!
//! A read that fails is tried again, patiently, until it is answered or nobody waits for it any more. Meanwhile
//! the workers wait, which `status` shows, and a stop ends them at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;

use super::Control;
use crate::coordination::{CallError, Session, read_before};
use crate::job::Holding;
use crate::model::{Backoff, Before, Moment, Slot, StopPhase};

/// So many reads are under way at once.
const READS: usize = 4;

const REPEAT: Backoff = Backoff {
    min: Duration::from_millis(20),
    max: Duration::from_secs(1),
};

/// What is to be asked, and what is being asked.
#[derive(Default)]
pub(super) struct Delays {
    /// By job, and by the revision at which the slots became ours.
    asked: BTreeMap<(Arc<str>, i64), Vec<Waiting>>,
    reads: JoinSet<()>,
}

/// A worker that waits for the answer.
struct Waiting {
    holding: Arc<Holding>,
    lock_delay: Duration,
    /// When this node learned of the slot.
    learned: Moment,
}

impl Waiting {
    fn is_over(&self) -> bool {
        self.holding.stop_phase() > StopPhase::Run
    }

    fn answer(&self, before: Before) {
        let begins = before.begins(self.lock_delay, self.learned);
        let delay = begins.since(self.learned);
        if !delay.is_zero() {
            let slot = &self.holding.identity.slot;
            tracing::info!(job = %slot.job, index = slot.index, ?before, ?delay, "lock_delay");
        }
        if before.left_nothing_locked() {
            self.holding.unlocked.store(true, Ordering::Relaxed);
        }
        self.holding.begins(begins);
    }
}

impl Delays {
    /// Completes when there is room for another read. Cancel safe.
    pub(super) async fn next(&mut self) {
        match self.reads.join_next().await {
            Some(Ok(())) => {}
            // It runs no code of users. Its workers wait until they are stopped.
            Some(Err(error)) => {
                tracing::error!(%error, "a look at the ledger ended without a word")
            }
            None => std::future::pending().await,
        }
    }

    /// Asks what is to be asked, as far as there is room.
    pub(super) fn send(&mut self, session: &Session) {
        while self.reads.len() < READS {
            let Some(((job, revision), waiting)) = self.asked.pop_first() else {
                return;
            };
            let session = session.clone();
            self.reads
                .spawn(async move { ask(&session, &job, revision, &waiting).await });
        }
    }
}

impl Control<'_> {
    /// Says when the worker of a slot that is ours since `revision` may begin, or asks for it.
    pub(super) fn delay(
        &mut self,
        slot: &Slot,
        revision: i64,
        before: Option<Before>,
        holding: &Arc<Holding>,
    ) {
        let plan = self.registrar.plans.get(&slot.job);
        let lock_delay = plan.map_or(Duration::ZERO, |plan| plan.lock_delay);
        let waiting = Waiting {
            holding: Arc::clone(holding),
            lock_delay,
            learned: self.clock.now(),
        };
        match before {
            Some(before) => waiting.answer(before),
            None if lock_delay.is_zero() => holding.begins(waiting.learned),
            None => {
                let key = (Arc::clone(&slot.job), revision);
                self.delays.asked.entry(key).or_default().push(waiting);
            }
        }
    }
}

/// Reads until there is an answer, or until nobody waits for it.
async fn ask(session: &Session, job: &str, revision: i64, waiting: &[Waiting]) {
    let slots = waiting.iter().map(|it| it.holding.identity.slot.clone());
    let slots: Vec<Slot> = slots.collect();
    let mut failures = 0;
    while !waiting.iter().all(Waiting::is_over) {
        match read_before(&session.etcd, &session.keys, (job, revision), &slots).await {
            Ok(befores) => {
                for (waiting, before) in waiting.iter().zip(befores) {
                    waiting.answer(before);
                }
                return;
            }
            Err(error) => {
                failures += 1;
                tell(job, failures, &error);
                tokio::time::sleep(REPEAT.delay(failures, fastrand::f64())).await;
            }
        }
    }
}

/// The first failure is for people; the others would only say it again.
fn tell(job: &str, failures: u32, error: &CallError) {
    if failures == 1 {
        tracing::warn!(%job, %error, "the ledger cannot be read; workers wait for it");
    } else {
        tracing::debug!(%job, failures, %error, "the ledger cannot be read");
    }
}
