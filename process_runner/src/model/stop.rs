//! The three phases of stopping a worker, each with its own time.
//!
//! ```text
//! Run -> Drain -> Cancel -> Abort
//!         |         |         `- drop the worker: nothing of it runs afterwards
//!         |         `- drop the record in hand, then unlock what is locked
//!         `- take no more records; the one in hand goes on
//! ```
//!
//! Phases only go forward. A second signal of the operator moves on one phase at once.

/// How urgently a worker is asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum StopPhase {
    /// Nobody asks.
    #[default]
    Run = 0,
    /// Finish the record in hand, then unlock and end.
    Drain = 1,
    /// Cancel the record in hand at its next await, then unlock and end.
    Cancel = 2,
    /// End now, without unlocking.
    Abort = 3,
}

impl StopPhase {
    /// The phase after this one; the last one stays.
    pub fn next(self) -> Self {
        match self {
            Self::Run => Self::Drain,
            Self::Drain => Self::Cancel,
            Self::Cancel | Self::Abort => Self::Abort,
        }
    }

    /// The phase stored as `number`; the last one for any other.
    pub fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Run,
            1 => Self::Drain,
            2 => Self::Cancel,
            _ => Self::Abort,
        }
    }

    /// True from the first request on.
    pub fn is_stopping(self) -> bool {
        self > Self::Run
    }
}
