//! What a node tells the process that supervises it: one value, of which only the newest counts.
//!
//! ```text
//! node --tell--> [ newest report ] --next--> supervisor's writer --> the other process
//!   `--arrived------------------------------------^ asks for the next one: the last has arrived
//! ```
//!
//! # Guarantees
//!
//! - Telling never waits and takes no memory: a report that nobody took yet is replaced.
//! - A lease is told before anything is put on it: whoever registers waits for that, for a second.
//!
//! # How it fails
//!
//! A supervisor that does not listen is not waited for twice, and nothing depends on it: a lease
//! that it does not know of runs out by itself.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::model::Moment;

/// A supervisor that takes nothing for so long is not waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// The id of an etcd lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeaseId(pub(crate) i64);

/// What the node is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The lease that may still have something of the node on it.
    pub lease: Option<LeaseId>,
    /// The hard deadline of the lease, on `CLOCK_BOOTTIME`: the same in each process of a machine.
    pub valid_until: Moment,
    /// No worker runs, and none starts before a later report says otherwise. A node that is
    /// suspended may be past its deadline; every other one would do harm there.
    pub suspended: bool,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            lease: None,
            valid_until: Moment::ZERO,
            suspended: true,
        }
    }
}

/// What became of the processes that ran this node before.
#[derive(Debug, Clone, Default)]
pub struct Predecessors {
    /// How many of them crashed lately. The leader gives such a node only what fits nowhere else,
    /// for a while.
    pub crashes: u32,
    /// Leases of theirs that may still be there: the node revokes them first.
    pub leases: Vec<LeaseId>,
}

/// The node's end. One that was not made by [`channel`] has no supervisor.
#[derive(Debug, Clone, Default)]
pub struct Reporter(Option<Arc<Line>>);

#[derive(Debug)]
struct Line {
    newest: watch::Sender<Numbered>,
    arrived: watch::Receiver<u64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Numbered {
    number: u64,
    report: Report,
}

/// The supervisor's end.
#[derive(Debug)]
pub struct Reports {
    newest: watch::Receiver<Numbered>,
    arrived: watch::Sender<u64>,
    taken: u64,
}

/// Connects a node with whoever supervises it.
#[must_use]
pub fn channel() -> (Reporter, Reports) {
    let (newest, reports) = watch::channel(Numbered::default());
    let (sender, arrived) = watch::channel(0);
    let reporter = Reporter(Some(Arc::new(Line { newest, arrived })));
    let reports = Reports {
        newest: reports,
        arrived: sender,
        taken: 0,
    };
    (reporter, reports)
}

impl Reporter {
    /// Replaces what was told before.
    pub(crate) fn tell(&self, change: impl FnOnce(&mut Report)) {
        let Some(line) = &self.0 else { return };
        line.newest.send_if_modified(|numbered| {
            let before = numbered.report;
            change(&mut numbered.report);
            let changed = before != numbered.report;
            numbered.number += u64::from(changed);
            changed
        });
    }

    /// Tells of a lease that nothing was put on yet, and waits until that has arrived. The node is
    /// suspended until it says otherwise.
    ///
    /// Dropped, the lease may or may not have been told.
    pub(crate) async fn granted(&self, lease: LeaseId, valid_until: Moment) {
        self.tell(|report| {
            *report = Report {
                lease: Some(lease),
                valid_until,
                suspended: true,
            };
        });
        if tokio::time::timeout(PATIENCE, self.arrived())
            .await
            .is_err()
        {
            tracing::warn!(
                "the supervising process does not listen; after a crash the lease has to run out"
            );
        }
    }

    /// Tells that nothing is left on `lease`.
    pub(crate) fn revoked(&self, lease: LeaseId) {
        self.tell(|report| {
            if report.lease == Some(lease) {
                *report = Report::default();
            }
        });
    }

    /// Completes when all that was told has arrived, or never will. Cancel safe.
    async fn arrived(&self) {
        let Some(line) = &self.0 else { return };
        let told = line.newest.borrow().number;
        let mut arrived = line.arrived.clone();
        // An error means that the supervisor's end is gone.
        let _ = arrived.wait_for(|arrived| *arrived >= told).await;
    }
}

impl Reports {
    /// The newest report, once there is one that was not taken yet. `None` after the node's end.
    /// Asking says that the report before has arrived where it belongs.
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<Report> {
        self.arrived.send_replace(self.taken);
        self.newest.changed().await.ok()?;
        let Numbered { number, report } = *self.newest.borrow_and_update();
        self.taken = number;
        Some(report)
    }
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for LeaseId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: LeaseId = LeaseId(7);

    #[tokio::test(start_paused = true)]
    async fn a_lease_counts_as_told_once_its_report_was_passed_on() {
        let (reporter, mut reports) = channel();
        let mut granted = Box::pin(reporter.granted(LEASE, Moment::NEVER));
        let report = tokio::select! {
            () = &mut granted => panic!("nobody has passed it on"),
            report = reports.next() => report.unwrap(),
        };
        assert_eq!((report.lease, report.suspended), (Some(LEASE), true));
        tokio::select! {
            () = granted => {}
            _ = reports.next() => panic!("there is no second report"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_waited_for_who_does_not_listen_or_is_gone() {
        let (reporter, reports) = channel();
        reporter.granted(LEASE, Moment::NEVER).await;
        drop(reports);
        reporter.granted(LeaseId(8), Moment::NEVER).await;
        Reporter::default().granted(LEASE, Moment::NEVER).await;
    }

    #[tokio::test]
    async fn only_the_newest_report_is_there_and_the_end_of_an_older_lease_changes_nothing() {
        let (reporter, mut reports) = channel();
        for lease in [1, 2] {
            reporter.tell(|report| report.lease = Some(LeaseId(lease)));
        }
        reporter.revoked(LeaseId(1));
        assert_eq!(reports.next().await.unwrap().lease, Some(LeaseId(2)));
        reporter.revoked(LeaseId(2));
        assert_eq!(reports.next().await, Some(Report::default()));
        drop(reporter);
        assert_eq!(reports.next().await, None);
    }
}
