//! A point in time as the runner sees it: nanoseconds on a clock that only goes forward.
//!
//! The pure layer cannot read a clock, so it is handed moments. Production reads
//! `CLOCK_BOOTTIME`, which goes on while the machine sleeps, unlike `std::time::Instant`; a
//! simulation reads tokio's paused time. Moments of two machines or two boots have nothing to do
//! with each other.

use std::ops::{Add, Sub};
use std::time::Duration;

/// Nanoseconds since an arbitrary start. Arithmetic saturates: a deadline 600 years away is "never".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(u64);

impl Moment {
    /// Earlier than every other moment.
    pub const ZERO: Moment = Moment(0);
    /// Later than every other moment: "never".
    pub const NEVER: Moment = Moment(u64::MAX);

    /// The moment `nanos` nanoseconds after the clock's start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock's start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this moment is; zero if it is not later.
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    fn add(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_add(nanos(duration)))
    }
}

impl Sub<Duration> for Moment {
    type Output = Moment;

    fn sub(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_sub(nanos(duration)))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(Moment::NEVER + Duration::from_secs(1), Moment::NEVER);
        assert_eq!(Moment::ZERO - Duration::from_secs(1), Moment::ZERO);
        assert_eq!(Moment::ZERO + Duration::MAX, Moment::NEVER);
        assert_eq!(Moment::ZERO.since(Moment::from_nanos(5)), Duration::ZERO);
    }
}
