//! How long a worker waits between iterations, and when it counts as crash-looping.
//!
//! Chance is an argument, a number in `0.0..1.0`: the pure layer draws none itself.

use std::time::Duration;

use super::Ending;

/// Exponential growth from `min` to `max`, with jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first delay, at most.
    pub min: Duration,
    /// No delay is longer.
    pub max: Duration,
}

impl Backoff {
    /// The delay before the `attempt`-th repetition (from 1): `min * 2^(attempt-1)`, at most `max`,
    /// of which the upper half is left to chance, so that workers that failed together do not
    /// return together.
    pub fn delay(&self, attempt: u32, chance: f64) -> Duration {
        let doublings = attempt.saturating_sub(1).min(63);
        let full = self
            .min
            .saturating_mul(2u32.saturating_pow(doublings.min(31)))
            .min(self.max);
        full / 2 + (full / 2).mul_f64(chance.clamp(0.0, 1.0))
    }
}

/// The pacing of one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacingRules {
    /// Between iterations that had work.
    pub interval: Duration,
    /// After empty batches.
    pub idle: Backoff,
    /// After failures.
    pub failure: Backoff,
}

/// So many failures in a row make a crash loop of it.
pub const CRASH_LOOP_AFTER: u32 = 3;

/// What a worker shows of its pacing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It works, or waits for work.
    Healthy,
    /// Its last iteration failed; it waits to try again.
    BackingOff,
    /// It failed [`CRASH_LOOP_AFTER`] times in a row or more.
    CrashLooping,
}

/// The memory of one worker between iterations.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pacing {
    empties: u32,
    failures: u32,
}

/// What follows an iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// How long to wait before the next iteration.
    pub delay: Duration,
    /// How the worker stands.
    pub condition: Condition,
    /// Build the job's value anew first.
    pub afresh: bool,
}

impl Pacing {
    /// The pause after an iteration that ended so. `chance` is in `0.0..1.0`.
    ///
    /// `Stopped` and `Dropped` end the worker; asked for them, the answer is no pause.
    pub fn after(&mut self, ending: Ending, rules: &PacingRules, chance: f64) -> Pause {
        let (delay, afresh) = match ending {
            Ending::Worked | Ending::Broken { aborted: true } => {
                *self = Self::default();
                (rules.interval, ending != Ending::Worked)
            }
            Ending::Empty => {
                self.failures = 0;
                self.empties = self.empties.saturating_add(1);
                (
                    rules.idle.delay(self.empties, chance).max(rules.interval),
                    false,
                )
            }
            Ending::Failed | Ending::Broken { aborted: false } => {
                self.empties = 0;
                self.failures = self.failures.saturating_add(1);
                (
                    rules.failure.delay(self.failures, chance),
                    ending != Ending::Failed,
                )
            }
            Ending::Stopped | Ending::Dropped => (Duration::ZERO, false),
        };
        Pause {
            delay,
            condition: self.condition(),
            afresh,
        }
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    fn condition(&self) -> Condition {
        match self.failures {
            0 => Condition::Healthy,
            n if n < CRASH_LOOP_AFTER => Condition::BackingOff,
            _ => Condition::CrashLooping,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: PacingRules = PacingRules {
        interval: Duration::ZERO,
        idle: Backoff {
            min: Duration::from_millis(50),
            max: Duration::from_secs(5),
        },
        failure: Backoff {
            min: Duration::from_secs(1),
            max: Duration::from_secs(300),
        },
    };

    #[test]
    fn idle_backoff_doubles_up_to_its_maximum_and_is_reset_by_work() {
        let mut pacing = Pacing::default();
        let mut last = Duration::ZERO;
        for _ in 0..40 {
            let delay = pacing.after(Ending::Empty, &RULES, 0.999).delay;
            assert!(delay >= last && delay <= RULES.idle.max);
            last = delay;
        }
        assert!(last > Duration::from_secs(4));
        assert_eq!(
            pacing.after(Ending::Worked, &RULES, 0.5).delay,
            Duration::ZERO
        );
        assert!(pacing.after(Ending::Empty, &RULES, 0.999).delay <= RULES.idle.min);
    }

    #[test]
    fn chance_spreads_the_upper_half() {
        let backoff = Backoff {
            min: Duration::from_secs(1),
            max: Duration::from_secs(60),
        };
        assert_eq!(backoff.delay(3, 0.0), Duration::from_secs(2));
        assert_eq!(backoff.delay(3, 1.0), Duration::from_secs(4));
        assert_eq!(backoff.delay(u32::MAX, 1.0), Duration::from_secs(60));
    }

    #[test]
    fn repeated_failures_become_a_crash_loop_and_work_ends_it() {
        let mut pacing = Pacing::default();
        assert_eq!(
            pacing.after(Ending::Failed, &RULES, 0.5).condition,
            Condition::BackingOff
        );
        pacing.after(Ending::Broken { aborted: false }, &RULES, 0.5);
        assert_eq!(
            pacing.after(Ending::Failed, &RULES, 0.5).condition,
            Condition::CrashLooping
        );
        assert_eq!(
            pacing.after(Ending::Worked, &RULES, 0.5).condition,
            Condition::Healthy
        );
    }

    #[test]
    fn an_abort_is_no_failure_but_starts_afresh() {
        let pause = Pacing::default().after(Ending::Broken { aborted: true }, &RULES, 0.5);
        assert_eq!(pause.condition, Condition::Healthy);
        assert!(pause.afresh);
    }
}
