//! Whether a worker process has to be killed: a pure decision over what it last reported.
//!
//! A process that was stopped, or whose control loop hangs, past the deadline of its lease could
//! wake up and go on with records that are somebody else's by then. One that waits for an etcd that
//! is away does no harm: it has said that it is suspended.

use std::time::Duration;

use process_runner::model::Moment;
use process_runner::supervision::Report;

/// So long past its deadline a process may be found unsuspended. The lease itself runs out a second
/// after the deadline at the earliest.
///
/// It counts from when this was first seen: after a suspension of the whole machine, or of the
/// guardian, the process has to have had its chance to say how it stands.
const GRACE: Duration = Duration::from_millis(500);

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Look again then.
    LookAt(Moment),
    Kill,
}

/// Watches one worker process.
#[derive(Debug, Default)]
pub(super) struct Watchdog {
    report: Report,
    overdue_since: Option<Moment>,
}

impl Watchdog {
    pub(super) fn heard(&mut self, report: Report) {
        self.report = report;
        self.overdue_since = None;
    }

    pub(super) fn look(&mut self, now: Moment) -> Verdict {
        let Report {
            lease,
            valid_until,
            suspended,
        } = self.report;
        if lease.is_none() || suspended {
            return Verdict::LookAt(Moment::NEVER);
        }
        if now < valid_until {
            return Verdict::LookAt(valid_until);
        }
        let since = *self.overdue_since.get_or_insert(now);
        if now >= since + GRACE {
            Verdict::Kill
        } else {
            Verdict::LookAt(since + GRACE)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::ZERO + Duration::from_millis(ms)
    }

    fn report(until: u64, suspended: bool) -> Report {
        Report {
            lease: "7".parse().ok(),
            valid_until: at(until),
            suspended,
        }
    }

    #[test]
    fn a_process_past_its_deadline_is_killed_after_the_grace() {
        let mut dog = Watchdog::default();
        dog.heard(report(1000, false));
        assert_eq!(dog.look(at(10)), Verdict::LookAt(at(1000)));
        assert_eq!(dog.look(at(1000)), Verdict::LookAt(at(1500)));
        assert_eq!(dog.look(at(1499)), Verdict::LookAt(at(1500)));
        assert_eq!(dog.look(at(1500)), Verdict::Kill);
    }

    #[test]
    fn a_suspended_process_and_one_without_a_lease_are_left_alone() {
        let mut dog = Watchdog::default();
        assert_eq!(dog.look(at(9000)), Verdict::LookAt(Moment::NEVER));
        dog.heard(report(1000, true));
        assert_eq!(dog.look(at(9000)), Verdict::LookAt(Moment::NEVER));
        dog.heard(Report {
            lease: None,
            ..report(1000, false)
        });
        assert_eq!(dog.look(at(9000)), Verdict::LookAt(Moment::NEVER));
    }

    #[test]
    fn after_a_sleep_of_both_the_process_has_its_chance() {
        let mut dog = Watchdog::default();
        dog.heard(report(1000, false));
        assert_eq!(dog.look(at(60_000)), Verdict::LookAt(at(60_500)));
        dog.heard(report(1000, true));
        assert_eq!(dog.look(at(60_500)), Verdict::LookAt(Moment::NEVER));
        dog.heard(report(70_000, false));
        assert_eq!(dog.look(at(60_600)), Verdict::LookAt(at(70_000)));
        assert_eq!(dog.look(at(70_000)), Verdict::LookAt(at(70_500)));
    }
}
