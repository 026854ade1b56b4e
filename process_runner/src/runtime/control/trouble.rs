//! How often a trouble with etcd is told: each reason at once, and again every ten seconds while it lasts.
//!
//! A renewal is tried about once a second. An outage of an hour that is told as often is thousands of lines,
//! and no line of them says more than the first.
//!
//! # Guarantees
//!
//! - The first failure of a trouble is told, and so is each reason that was not told lately.
//! - Whoever was told of a trouble is told of its end, and how little of the lease was left at the worst:
//!   at a failure, also one that was not told, or when the renewal came that ended it.
//!
//! # How it fails
//!
//! It decides what is told and nothing else. A reason with a changing number in it counts as a new one.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::Moment;

/// Before a reason that was told is told again.
const AGAIN: Duration = Duration::from_secs(10);

/// A trouble, from the first renewal that failed to the next one that is proven.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// What was told since then. Attempts are paced, so these are few.
    told: BTreeSet<String>,
    /// When they are forgotten.
    until: Moment,
    /// How long the lease was still good, at the worst.
    least: Duration,
}

impl Trouble {
    /// A renewal failed for `reason`, with the lease good for another `valid`: whether to tell of it.
    pub(super) fn is_news(&mut self, reason: &str, valid: Duration, now: Moment) -> bool {
        self.least = match self.told.is_empty() {
            true => valid,
            false => self.least.min(valid),
        };
        if self.told.is_empty() || now >= self.until {
            self.told.clear();
            self.until = now + AGAIN;
        }
        self.told.insert(reason.to_owned())
    }

    /// A renewal is proven, and without it the lease was good for another `valid`. If there was a trouble:
    /// how long it was still good, at the worst.
    pub(super) fn ends(&mut self, valid: Duration) -> Option<Duration> {
        let told = std::mem::take(&mut self.told);
        (!told.is_empty()).then_some(self.least.min(valid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Moment = Moment::from_nanos(1 << 60);

    #[test]
    fn each_reason_is_told_once_in_ten_seconds_and_anew_after_a_renewal() {
        let mut trouble = Trouble::default();
        let at = |seconds| START + Duration::from_secs(seconds);
        let left = |seconds: u64| Duration::from_secs(30 - seconds);
        assert_eq!(trouble.ends(left(0)), None, "there was none");
        let told: Vec<_> = (0..25)
            .filter(|second| {
                let reason = ["refused", "no leader"][*second as usize % 2];
                trouble.is_news(reason, left(*second), at(*second))
            })
            .collect();
        assert_eq!(told, [0, 1, 10, 11, 20, 21]);
        let ended = trouble.ends(left(0));
        assert_eq!(ended, Some(left(24)), "that failure was not told");
        assert_eq!(trouble.ends(left(0)), None);
        assert!(trouble.is_news("refused", left(0), at(25)));
        let ended = trouble.ends(left(0));
        assert_eq!(ended, Some(left(0)), "the one before is forgotten");
        assert!(trouble.is_news("refused", left(0), at(26)));
        let ended = trouble.ends(left(3));
        assert_eq!(ended, Some(left(3)), "the renewal took its time");
    }
}
