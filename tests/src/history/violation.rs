//! A broken promise: which one, and what shows it.

use std::fmt;
use std::time::Duration;

use super::Event;

/// What must hold in every history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// I1: the tokens that the resource accepts for a slot never decrease.
    FencesRise,
    /// I2: an accepted token is one that the store granted, to the node that used it.
    FencesAreGranted,
    /// I3: two workers of one slot do not work at once.
    NoOverlap,
    /// I4: a token is granted once, and one process acquires it.
    GrantedOnce,
    /// I5: once the faults are over, every slot runs again within the bound.
    Available,
    /// I6: the resource sees every unit of a slot once, in order.
    NothingLost,
    /// I7: nobody works after its worker stopped.
    StoppedIsStopped,
    /// G3: a slot does not leave its owner in the store while its worker works.
    DrainedFirst,
}

impl Invariant {
    /// The promise, in words.
    fn promise(self) -> &'static str {
        match self {
            Self::FencesRise => "accepted tokens never decrease",
            Self::FencesAreGranted => "an accepted token was granted by the store to who used it",
            Self::NoOverlap => "two workers of one slot do not work at once",
            Self::GrantedOnce => "a token is granted once and acquired by one process",
            Self::Available => "once nothing is broken any more, every slot runs in time",
            Self::NothingLost => "every unit is done once, in order",
            Self::StoppedIsStopped => "nobody works after its worker stopped",
            Self::DrainedFirst => "no slot leaves its owner in the store while its worker works",
        }
    }
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// In words.
    pub what: String,
    /// The events that show it, in their order.
    pub shown_by: Vec<Event>,
}

impl Violation {
    pub(super) fn new(invariant: Invariant, what: String, shown_by: &[&Event]) -> Self {
        Self {
            invariant,
            what,
            shown_by: shown_by.iter().copied().cloned().collect(),
        }
    }

    pub(super) fn at(&self) -> Duration {
        self.shown_by
            .last()
            .map_or(Duration::ZERO, |event| event.at)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (invariant, promise) = (self.invariant, self.invariant.promise());
        write!(f, "{invariant:?} ({promise}):\n    {}", self.what)?;
        for event in &self.shown_by {
            write!(f, "\n        {event}")?;
        }
        Ok(())
    }
}
