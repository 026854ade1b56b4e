//! How long a lease surely lasts, seen from the holder's side.
//!
//! ```text
//!  S               soft         hard = S + ttl - margin      S + ttl
//!  |----------------|------------|------------------------------|----> etcd may delete
//!  renewal is sent  begin        nothing may touch
//!  (clock read      nothing new  the outside world
//!   before queueing)
//! ```
//!
//! # Guarantees
//!
//! - Deadlines come from the moment a renewal was *sent*. The moment its answer arrived, wall time
//!   or an open stream never extend them.
//! - Deadlines never move back: a late answer to an old renewal changes nothing.
//! - The margin, `max(1 s, ttl / 5)`, covers the drift of two clocks and the time it takes to stop.
//!
//! # How it fails
//!
//! A process that is paused (SIGSTOP, a frozen virtual machine) between a check and an effect acts
//! late. No clock can see that; the fence at the resource can.

use std::time::Duration;

use super::Moment;

/// The validity of one lease.
#[derive(Debug, Clone, Copy)]
pub struct LeaseTerm {
    ttl: Duration,
    hard: Moment,
}

impl LeaseTerm {
    /// The term of a lease of `ttl` (as etcd granted it, not as it was asked for) whose grant was
    /// sent at `sent`.
    pub fn granted(sent: Moment, ttl: Duration) -> Self {
        Self {
            ttl,
            hard: sent + ttl - margin(ttl),
        }
    }

    /// Takes in a renewal that was sent at `sent` and confirmed with `ttl`.
    pub fn renewed(&mut self, sent: Moment, ttl: Duration) {
        self.ttl = ttl;
        self.hard = self.hard.max(sent + ttl - margin(ttl));
    }

    /// From here on nothing may touch the outside world.
    pub fn hard(&self) -> Moment {
        self.hard
    }

    /// From here on nothing new begins, and what runs is cancelled.
    pub fn soft(&self) -> Moment {
        self.hard - Duration::from_secs(1).min(self.ttl / 8)
    }

    /// The ttl, as etcd last confirmed it.
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// The time between renewals: a fifth of the ttl.
    pub fn period(&self) -> Duration {
        self.ttl / 5
    }

    /// How long one attempt to renew may take: a tenth of the ttl, at least half a second.
    pub fn attempt_timeout(&self) -> Duration {
        (self.ttl / 10).max(Duration::from_millis(500))
    }
}

fn margin(ttl: Duration) -> Duration {
    (ttl / 5).max(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Moment {
        Moment::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn the_deadline_counts_from_the_sending_and_leaves_the_margin() {
        let term = LeaseTerm::granted(at(100), TTL);
        assert_eq!(term.hard(), at(108));
        assert_eq!(term.soft(), at(107));
        assert_eq!(
            LeaseTerm::granted(at(100), Duration::from_secs(5)).hard(),
            at(104)
        );
    }

    #[test]
    fn a_renewal_never_moves_the_deadline_back() {
        let mut term = LeaseTerm::granted(at(100), TTL);
        term.renewed(at(104), TTL);
        assert_eq!(term.hard(), at(112));
        term.renewed(at(102), TTL);
        assert_eq!(term.hard(), at(112));
    }

    #[test]
    fn several_attempts_fit_between_a_missed_renewal_and_the_soft_deadline() {
        for seconds in 5..=60 {
            let ttl = Duration::from_secs(seconds);
            let term = LeaseTerm::granted(at(0), ttl);
            let second_attempt = term.period() + term.attempt_timeout() * 2;
            assert!(Moment::ZERO + second_attempt < term.soft(), "ttl {ttl:?}");
        }
    }
}
