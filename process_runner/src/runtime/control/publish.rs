//! Publishes how this node's workers stand, under `status/<node>`.
//!
//! A cluster at rest writes nothing: a status is put when a state or a reason changes, debounced,
//! and with counters only while somebody looks (a key under `watchers/`, on a short lease). Whoever looks
//! waits for them, so that key is watched; a renewal would see it two seconds later.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::coordination::{CallError, Change, Feed, Follower, Session, StatusRecord};
use crate::model::{Moment, Slot};
use crate::runtime::held::Held;
use crate::runtime::report::worker_record;

const DEBOUNCE: Duration = Duration::from_millis(100);
/// Whose workers change by the dozen tells of all of them at once: what each of them is in says little
/// while they start, and etcd has more to do then.
const MANY: u32 = 16;
const DEBOUNCE_MANY: Duration = Duration::from_secs(1);
/// And the more etcd has to do, the longer: so many times what it took for the last renewal, or for the
/// registration, up to [`DEBOUNCE_MOST`]. Renewals and grants are more urgent.
const PATIENCE: u32 = 10;
const DEBOUNCE_MOST: Duration = Duration::from_secs(5);
const WHILE_WATCHED: Duration = Duration::from_secs(1);

/// A node watches for whoever looks from its first status on. If that told of [`MANY`] workers, a whole
/// cluster may be starting and has more urgent things to do: then from this renewal on, and until then a
/// look shows no counters of this node.
const RENEWALS: u32 = 3;

/// Writes the status of one session.
pub(super) struct Publisher {
    renewals: u32,
    /// How long etcd took lately.
    etcd_took: Duration,
    watchers: Option<Follower>,
    watching: BTreeSet<Vec<u8>>,
    due: Moment,
    /// Since when something has changed, and how much.
    changing: Option<(Moment, u32)>,
    last: Option<StatusRecord>,
    writing: Option<JoinHandle<()>>,
    /// The last status could not be written.
    failed: Arc<AtomicBool>,
    /// It was told that etcd takes no status of this node.
    told: Arc<AtomicBool>,
}

impl Publisher {
    /// A publisher of a session that took etcd so long to open.
    pub(super) fn start(etcd_took: Duration) -> Self {
        Self {
            renewals: 0,
            etcd_took,
            watchers: None,
            watching: BTreeSet::new(),
            // A node without workers has nothing to tell.
            due: Moment::NEVER,
            changing: None,
            last: None,
            writing: None,
            failed: Arc::default(),
            told: Arc::default(),
        }
    }

    /// When the next status is due.
    pub(super) fn due(&self) -> Moment {
        self.due
    }

    /// Something changed at `now`.
    pub(super) fn changed(&mut self, now: Moment) {
        let (since, changes) = self.changing.map_or((now, 1), |(at, n)| (at, n + 1));
        self.changing = Some((since, changes));
        let many = (self.etcd_took * PATIENCE).clamp(DEBOUNCE_MANY, DEBOUNCE_MOST);
        let (before, wait) = match changes {
            ..MANY => (self.due, DEBOUNCE),
            // What was due for fewer changes has time.
            MANY => (Moment::NEVER, many),
            _ => (self.due, many),
        };
        self.due = before.min(since + wait);
    }

    /// The lease was renewed, which took etcd so long: a status that could not be written is written now.
    pub(super) fn healthy(&mut self, session: &Session, etcd_took: Duration) {
        self.etcd_took = etcd_took;
        self.renewals = self.renewals.saturating_add(1);
        if self.renewals == RENEWALS {
            self.watch(session);
        }
        if self.failed.swap(false, Ordering::Relaxed) {
            self.last = None;
            self.due = Moment::ZERO;
        }
    }

    fn watch(&mut self, session: &Session) {
        if self.watchers.is_none() {
            let watchers = session.keys.watchers();
            self.watchers = Some(Follower::start(session.etcd.clone(), watchers));
        }
    }

    /// Takes in who looks. Cancel safe.
    pub(super) async fn watchers_changed(&mut self) {
        let Some(watchers) = &mut self.watchers else {
            return std::future::pending().await;
        };
        match watchers.next().await {
            Some(Feed::Snapshot { entries, .. }) => {
                self.watching = entries.into_iter().map(|entry| entry.key).collect();
            }
            Some(Feed::Changes { changes }) => {
                for change in changes {
                    match change {
                        Change::Put(entry) => drop(self.watching.insert(entry.key)),
                        Change::Delete { key, .. } => drop(self.watching.remove(&key)),
                    }
                }
            }
            None => std::future::pending().await,
        }
        if !self.watching.is_empty() {
            self.due = Moment::ZERO;
        }
    }

    /// Writes the status if it is due and differs from the last one written.
    pub(super) fn publish(&mut self, session: &Session, slots: &BTreeMap<Slot, Held>, now: Moment) {
        if now < self.due {
            return;
        }
        if self
            .writing
            .as_ref()
            .is_some_and(|writing| !writing.is_finished())
        {
            self.due = now + DEBOUNCE;
            return;
        }
        let watched = !self.watching.is_empty();
        self.due = if watched {
            now + WHILE_WATCHED
        } else {
            Moment::NEVER
        };
        if self.changing.take().is_some_and(|(_, n)| n < MANY) {
            self.watch(session);
        }
        let workers = slots
            .iter()
            .map(|(slot, held)| worker_record(slot, held, now, watched))
            .collect();
        let status = StatusRecord::fit(session.incarnation.to_string(), workers);
        if self.last.as_ref() == Some(&status) {
            return;
        }
        self.last = Some(status.clone());
        let (failed, told) = (Arc::clone(&self.failed), Arc::clone(&self.told));
        let session = session.clone();
        self.writing = Some(tokio::spawn(async move {
            if let Err(error) = session.put_status(&status).await {
                tell(&error, &told);
                failed.store(true, Ordering::Relaxed);
            }
        }));
    }
}

/// An etcd that is away is told of by the renewals. One that refuses is told of once: it refuses the
/// next status, too.
fn tell(error: &CallError, told: &AtomicBool) {
    let refused = matches!(error, CallError::Refused(_) | CallError::Denied(_));
    if refused && !told.swap(true, Ordering::Relaxed) {
        tracing::warn!(%error, "`status` does not show how this node's workers fare");
    } else {
        tracing::debug!(%error, "the status could not be written");
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        if let Some(writing) = &self.writing {
            writing.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After so many changes at once, how long until the status is due.
    fn wait(etcd_took: u64, changes: u32) -> Duration {
        let mut publisher = Publisher::start(Duration::from_millis(etcd_took));
        for _ in 0..changes {
            publisher.changed(Moment::ZERO);
        }
        publisher.due().since(Moment::ZERO)
    }

    #[test]
    fn a_status_of_few_changes_comes_soon_and_one_of_many_when_etcd_has_time() {
        assert_eq!(wait(3, MANY - 1), DEBOUNCE);
        assert_eq!(wait(3000, MANY - 1), DEBOUNCE);
        assert_eq!(wait(3, MANY), DEBOUNCE_MANY);
        assert_eq!(wait(300, MANY), Duration::from_secs(3));
        assert_eq!(wait(3000, 10 * MANY), DEBOUNCE_MOST);
    }
}
