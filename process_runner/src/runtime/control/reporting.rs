//! What the session reports to the process that supervises this one.
//!
//! | then | the report says |
//! |---|---|
//! | the lease is firm | not suspended: a worker runs, or may start at any time |
//! | past its soft deadline, and no worker runs | suspended: etcd is away, and nothing begins |
//! | the session is lost, workers still stop | nothing new: whoever wedges now is killed at the deadline |
//! | no worker runs any more | suspended, and soon that the lease is revoked |
//!
//! So a process that is stopped by a signal or whose control loop hangs is never taken for one that
//! waits for etcd: only the node itself, awake, can say that it is suspended.

use super::{Control, Served};
use crate::model::Moment;
use crate::runtime::NodeEnd;

impl Control<'_> {
    /// Tells how the session stands. What was told already costs nothing.
    pub(super) fn report(&self, now: Moment) {
        if self.lost.is_some() {
            return;
        }
        // Workers that are ready ahead of their slots do nothing that is anybody's.
        let suspended = self.tasks.is_empty() && !self.validity.may_begin(now);
        let valid_until = self.validity.hard();
        self.registrar.reporter.tell(|report| {
            report.valid_until = valid_until;
            report.suspended = suspended;
        });
    }

    /// Nothing runs any more, unless a worker outlived its session.
    pub(super) fn report_end(&self, served: &Served) {
        if !matches!(served, Served::Ended(NodeEnd::Outlived { .. })) {
            self.registrar
                .reporter
                .tell(|report| report.suspended = true);
        }
    }
}
