//! Members that come and go: what that means for how much may move.
//!
//! | seen | means |
//! |---|---|
//! | a node joined | balance waits [`SETTLE`]: if another leaves meanwhile, the newcomer inherits its slots, and each moves once |
//! | more than a third of the members, and at least three, vanished within one ttl | balance is frozen until none vanished for one ttl: they may come back, and a half-dead etcd is no reason to move healthy slots |
//! | a node joined that crashed lately | it gets only what fits nowhere else, until it has stayed up for a while |
//!
//! Slots that nobody has are placed at once, whatever is seen here.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::super::Moment;
use super::super::planner::Scope;

/// How long balance towards a newcomer waits.
const SETTLE: Duration = Duration::from_secs(1);
/// Balance waits no longer than this, however many join one after the other.
const SETTLE_MAX: Duration = Duration::from_secs(5);
/// Fewer losses than this are no mass loss.
const MASS: usize = 3;
/// How long a node must stay up after one crash. Doubles with each further one.
const PROBATION: Duration = Duration::from_secs(30);
/// No probation is doubled more often: 32 minutes.
const DOUBLINGS: u32 = 6;

/// The recent comings and goings.
#[derive(Debug, Clone)]
pub struct Turnover {
    ttl: Duration,
    /// By incarnation: until when the node is on probation.
    members: BTreeMap<Arc<str>, Moment>,
    /// The first and the last newcomer that balance still waits for.
    joins: Option<(Moment, Moment)>,
    /// Members that vanished within the last ttl.
    losses: VecDeque<Moment>,
    frozen_until: Moment,
}

impl Turnover {
    /// For leases of `ttl`.
    pub fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            members: BTreeMap::new(),
            joins: None,
            losses: VecDeque::new(),
            frozen_until: Moment::ZERO,
        }
    }

    /// A node is there that was not, and that crashed so often lately.
    pub fn joined(&mut self, incarnation: Arc<str>, crashes: u32, now: Moment) {
        let probation = match crashes {
            0 => Moment::ZERO,
            n => now + PROBATION * (1 << (n - 1).min(DOUBLINGS)),
        };
        self.members.insert(incarnation, probation);
        let first = match self.joins {
            // After the longest wait there is a while in which balance does not wait for anybody.
            Some((first, last)) if now < settled(first, last) || waited_long(first, last, now) => {
                first
            }
            _ => now,
        };
        self.joins = Some((first, now));
    }

    /// A node is gone. `orderly` if it drained, so that nothing was lost.
    pub fn left(&mut self, incarnation: &str, orderly: bool, now: Moment) {
        if self.members.remove(incarnation).is_none() || orderly {
            return;
        }
        while self
            .losses
            .front()
            .is_some_and(|loss| now.since(*loss) > self.ttl)
        {
            self.losses.pop_front();
        }
        self.losses.push_back(now);
        let lost = self.losses.len();
        let mass = lost >= MASS && lost * 3 > self.members.len() + lost;
        if mass || now < self.frozen_until {
            self.frozen_until = now + self.ttl;
        }
    }

    /// How much may move now.
    pub fn scope(&self, now: Moment) -> Scope {
        let settling = self
            .joins
            .is_some_and(|(first, last)| now < settled(first, last));
        if settling || now < self.frozen_until {
            Scope::Needed
        } else {
            Scope::Balance
        }
    }

    /// True while balance is frozen because many members vanished.
    pub fn is_frozen(&self, now: Moment) -> bool {
        now < self.frozen_until
    }

    /// True while the node gets only what fits nowhere else.
    pub fn last_resort(&self, incarnation: &str, now: Moment) -> bool {
        self.members
            .get(incarnation)
            .is_some_and(|until| now < *until)
    }

    /// The next moment after `now` at which one of these answers changes by itself.
    pub fn next_change(&self, now: Moment) -> Moment {
        let settled = self.joins.map(|(first, last)| settled(first, last));
        self.members
            .values()
            .copied()
            .chain(settled)
            .chain([self.frozen_until])
            .filter(|moment| *moment > now)
            .min()
            .unwrap_or(Moment::NEVER)
    }
}

fn settled(first: Moment, last: Moment) -> Moment {
    (last + SETTLE).min(first + SETTLE_MAX)
}

/// True if the wait that began at `first` was cut short, less than [`SETTLE`] ago.
fn waited_long(first: Moment, last: Moment, now: Moment) -> bool {
    let longest = first + SETTLE_MAX;
    last + SETTLE > longest && now < longest + SETTLE
}

#[cfg(test)]
mod tests;
