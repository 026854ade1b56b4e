//! When the leader plans: on events, gathered for a moment; after failures; and rarely, to make sure.
//!
//! ```text
//! event --20 ms--> pass      a fourth pass within a second waits 40 ms, the next 80, up to 500
//! quiet for 60 s --> pass    an audit: it finds what an event should have told
//! failed --backoff--> pass   three in a row: resign
//! ```
//!
//! An event begins a wait only if none is under way, so a storm delays a pass by at most half a
//! second; and the first few passes of a storm are quick, because the first event of a storm is as
//! likely a node that died.

use std::time::Duration;

use super::super::{Backoff, Moment};

/// Between an event and the pass that answers it.
const DEBOUNCE: Duration = Duration::from_millis(20);
/// The same in a storm, at most.
const DEBOUNCE_MAX: Duration = Duration::from_millis(500);
/// So many passes in a row are quick.
const QUICK_PASSES: u32 = 3;
/// After so long without an event a storm is over.
const CALM: Duration = Duration::from_secs(1);
/// Between two passes if nothing happens.
const AUDIT: Duration = Duration::from_secs(60);
/// After a pass that failed.
const RETRY: Backoff = Backoff {
    min: Duration::from_millis(100),
    max: Duration::from_secs(2),
};
/// So many failed passes in a row are enough.
const FAILURES: u32 = 3;
/// So many refused passes in a row mean that the watch does not tell what etcd knows.
const REFUSALS: u32 = 3;
/// How long a node that resigned leaves leading to others.
const RESIGNED: Backoff = Backoff {
    min: Duration::from_secs(1),
    max: Duration::from_secs(60),
};

/// What follows a pass that did not go well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The next pass is due soon.
    Retry,
    /// What the watch told is doubtful: read everything again.
    Resync,
    /// Leave leading to others, for this long.
    Resign(Duration),
}

/// The leader's sense of time.
#[derive(Debug, Clone)]
pub struct Rhythm {
    due: Moment,
    last_event: Moment,
    /// Passes since the last calm.
    passes: u32,
    failures: u32,
    refusals: u32,
    resignations: u32,
}

impl Rhythm {
    /// Nothing is due until [`begin`](Self::begin).
    pub fn new() -> Self {
        Self {
            due: Moment::NEVER,
            last_event: Moment::ZERO,
            passes: 0,
            failures: 0,
            refusals: 0,
            resignations: 0,
        }
    }

    /// A term begins: everything is to be planned.
    pub fn begin(&mut self, now: Moment) {
        *self = Self {
            resignations: self.resignations,
            ..Self::new()
        };
        self.event(now);
    }

    /// Something changed that a plan rests on.
    pub fn event(&mut self, now: Moment) {
        if now.since(self.last_event) >= CALM {
            self.passes = 0;
        }
        self.last_event = now;
        self.due = self.due.min(now + self.debounce());
    }

    /// When the next pass is due.
    pub fn due(&self) -> Moment {
        self.due
    }

    /// A pass begins: what happened so far is in it.
    pub fn pass_begins(&mut self, now: Moment) {
        self.passes = self.passes.saturating_add(1);
        self.due = now + AUDIT;
    }

    /// It did what it set out to do.
    pub fn pass_succeeded(&mut self) {
        self.failures = 0;
        self.refusals = 0;
        self.resignations = 0;
    }

    /// etcd refused a part of it, because the cluster is no longer as it was planned for.
    pub fn pass_refused(&mut self, now: Moment, chance: f64) -> Verdict {
        self.refusals = self.refusals.saturating_add(1);
        self.due = self.due.min(now + RETRY.delay(self.refusals, chance));
        if self.refusals >= REFUSALS {
            self.refusals = 0;
            return Verdict::Resync;
        }
        Verdict::Retry
    }

    /// It could not be made, or not carried out.
    pub fn pass_failed(&mut self, now: Moment, chance: f64) -> Verdict {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES {
            self.failures = 0;
            self.resignations = self.resignations.saturating_add(1);
            self.due = Moment::NEVER;
            return Verdict::Resign(RESIGNED.delay(self.resignations, chance));
        }
        self.due = self.due.min(now + RETRY.delay(self.failures, chance));
        Verdict::Retry
    }

    /// It has to wait for something that is nobody's fault here, such as space in etcd.
    pub fn pass_postponed(&mut self, now: Moment) {
        self.due = self.due.min(now + RETRY.max);
    }

    fn debounce(&self) -> Duration {
        let slow = self.passes.saturating_sub(QUICK_PASSES - 1).min(16);
        (DEBOUNCE * (1 << slow)).min(DEBOUNCE_MAX)
    }
}

impl Default for Rhythm {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Moment = Moment::from_nanos(1 << 60);

    fn after(millis: u64) -> Moment {
        START + Duration::from_millis(millis)
    }

    #[test]
    fn an_event_is_answered_after_the_debounce_and_further_ones_do_not_put_it_off() {
        let mut rhythm = Rhythm::new();
        assert_eq!(rhythm.due(), Moment::NEVER);
        for millis in 0..20 {
            rhythm.event(after(millis));
            assert_eq!(rhythm.due(), after(20));
        }
        rhythm.pass_begins(after(20));
        rhythm.pass_succeeded();
        assert_eq!(rhythm.due(), after(60_020), "nothing but the audit");
    }

    #[test]
    fn a_storm_is_answered_quickly_thrice_then_ever_slower_until_it_is_over() {
        let mut rhythm = Rhythm::new();
        let mut waits = Vec::new();
        let mut millis = 0;
        for _ in 0..10 {
            rhythm.event(after(millis));
            let wait = rhythm.due().since(after(millis));
            waits.push(wait.as_millis() as u64);
            millis += waits[waits.len() - 1];
            rhythm.pass_begins(after(millis));
        }
        assert_eq!(waits, [20, 20, 20, 40, 80, 160, 320, 500, 500, 500]);
        rhythm.event(after(millis + 1000));
        assert_eq!(rhythm.due(), after(millis + 1020));
    }

    #[test]
    fn three_failures_in_a_row_resign_for_ever_longer_and_a_success_forgets_them() {
        let mut rhythm = Rhythm::new();
        for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
            rhythm.begin(START);
            assert_eq!(rhythm.pass_failed(START, 1.0), Verdict::Retry);
            assert_eq!(rhythm.pass_failed(START, 1.0), Verdict::Retry);
            let resign = Verdict::Resign(Duration::from_secs(wait));
            assert_eq!(rhythm.pass_failed(START, 1.0), resign);
            assert_eq!(
                rhythm.due(),
                Moment::NEVER,
                "a node that resigned plans nothing"
            );
        }
        rhythm.begin(START);
        rhythm.pass_failed(START, 1.0);
        rhythm.pass_failed(START, 1.0);
        rhythm.pass_succeeded();
        assert_eq!(rhythm.pass_failed(START, 1.0), Verdict::Retry);
        rhythm.pass_failed(START, 1.0);
        let resign = Verdict::Resign(Duration::from_secs(1));
        assert_eq!(rhythm.pass_failed(START, 1.0), resign);
    }

    #[test]
    fn refusals_are_retried_and_end_in_a_resync_never_in_a_resignation() {
        let mut rhythm = Rhythm::new();
        rhythm.begin(START);
        for _ in 0..4 {
            assert_eq!(rhythm.pass_refused(START, 0.5), Verdict::Retry);
            assert_eq!(rhythm.pass_refused(START, 0.5), Verdict::Retry);
            assert_eq!(rhythm.pass_refused(START, 0.5), Verdict::Resync);
        }
        assert!(rhythm.due() <= START + RETRY.max);
    }
}
