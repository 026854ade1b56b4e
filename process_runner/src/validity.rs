//! Until when the node's lease surely holds: two deadlines that one heartbeat writes and every
//! worker reads.
//!
//! The check before each record compares an instant with an atomic, so it costs no lock and no
//! network. Deadlines only ever come from the *send* time of a renewal that etcd confirmed (see
//! `model::LeaseTerm`).

use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::Moment;

/// The soft and the hard deadline of the node's lease. In the past until the first grant.
#[derive(Debug, Default)]
pub(crate) struct Validity {
    soft: AtomicU64,
    hard: AtomicU64,
}

impl Validity {
    /// Moves both deadlines.
    pub(crate) fn set(&self, soft: Moment, hard: Moment) {
        self.hard.store(hard.as_nanos(), Ordering::Release);
        self.soft.store(soft.as_nanos(), Ordering::Release);
    }

    /// True before the hard deadline: effects on the outside world are allowed.
    pub(crate) fn holds(&self, now: Moment) -> bool {
        now < self.hard()
    }

    /// True before the soft deadline: something new may begin.
    pub(crate) fn may_begin(&self, now: Moment) -> bool {
        now < self.soft()
    }

    /// The moment from which nothing new may begin.
    pub(crate) fn soft(&self) -> Moment {
        Moment::from_nanos(self.soft.load(Ordering::Acquire))
    }

    /// The moment from which nothing may touch the outside world.
    pub(crate) fn hard(&self) -> Moment {
        Moment::from_nanos(self.hard.load(Ordering::Acquire))
    }
}
