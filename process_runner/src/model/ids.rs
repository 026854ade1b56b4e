//! The names of things: a slot and the fence of one holding of it.

use std::fmt;
use std::sync::Arc;

/// One worker index of one job: what a node takes, holds and gives up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// The name of the job, as under `jobs:`.
    pub job: Arc<str>,
    /// The worker index, in `0..workers`.
    pub index: u32,
}

impl Slot {
    /// The slot of worker `index` of `job`.
    pub fn new(job: impl Into<Arc<str>>, index: u32) -> Self {
        Self {
            job: job.into(),
            index,
        }
    }
}

/// Written as in every log line and command: `process_queue@3`.
impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.job, self.index)
    }
}

/// The fencing token of one holding of a slot: greater for every later holder.
///
/// `epoch << 47 | mod_revision` of the slot's key, so it fits an `i64` column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence(u64);

impl Fence {
    const REVISION_BITS: u32 = 47;

    /// The fence of a holding that began at `revision` in `epoch`.
    ///
    /// `None` if either does not fit: revisions below 2^47 (a million writes a second for four
    /// years), epochs below 2^16.
    pub fn new(epoch: u16, revision: i64) -> Option<Self> {
        let revision = u64::try_from(revision).ok()?;
        (revision >> Self::REVISION_BITS == 0)
            .then_some(Self(u64::from(epoch) << Self::REVISION_BITS | revision))
    }

    /// The token as user code and the database see it. At most `i64::MAX`.
    pub fn get(self) -> u64 {
        self.0
    }

    /// The etcd revision at which the holding began.
    pub fn revision(self) -> i64 {
        (self.0 & ((1 << Self::REVISION_BITS) - 1)) as i64
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_fits_a_signed_column_and_orders_by_epoch_first() {
        let last = Fence::new(u16::MAX, (1 << 47) - 1).unwrap();
        assert!(i64::try_from(last.get()).is_ok());
        assert!(Fence::new(1, 5).unwrap() > Fence::new(0, 1 << 46).unwrap());
        assert_eq!(Fence::new(3, 77).unwrap().revision(), 77);
    }

    #[test]
    fn a_revision_that_does_not_fit_is_refused() {
        assert_eq!(Fence::new(0, 1 << 47), None);
        assert_eq!(Fence::new(0, -1), None);
    }
}
