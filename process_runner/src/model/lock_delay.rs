//! `lock_delay`: how long a new holder keeps its hands still after one that did not end cleanly.
//!
//! A fence protects what can compare it. An e-mail, a payment, a request that is already on its way cannot, so a
//! job with such effects declares a `lock_delay`, and what a lost worker had still sent has that long to arrive
//! before the next worker begins.
//!
//! ```text
//! the holding before ended            the next one
//! unlocked, and released or kept      begins at once
//! unlocked, and handed over           begins at once
//! otherwise: crash, cut-off, a key    begins `lock_delay` after it
//! deleted by hand                     was told of its slot
//! ```
//!
//! # Guarantees
//!
//! - The delay is never shorter than `lock_delay` after the loss: it counts from when the new holder learned of
//!   its slot, which is later.
//! - **It cannot be laundered.** A holding that ends before its delay is over did not end cleanly, however gently
//!   it ended, so the next one waits in full again.
//!
//! # How it fails
//!
//! What cannot be known any more (the history is compacted) counts as lost. So it errs towards waiting.

use std::time::Duration;

use super::Moment;

/// How the holding before this one ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Nobody has ever held the slot.
    Nobody,
    /// Everything was unlocked.
    Clean,
    /// It was lost or cut off, or its worker never began because of a delay of its own.
    Unclean,
    /// It ended in the transaction that began this one. Of a job with a `lock_delay` only what is unlocked is
    /// handed over.
    HandedOver,
    /// Nobody can tell any more.
    Forgotten,
}

impl Before {
    /// What etcd showed right before this holding began: whether the slot had an owner, and whether the ledger
    /// calls the last holding clean, if it knows of one.
    pub fn found(owned: bool, clean: Option<bool>) -> Self {
        match (owned, clean) {
            (true, _) => Self::HandedOver,
            (false, None) => Self::Nobody,
            (false, Some(clean)) => Self::ours(clean),
        }
    }

    /// A holding of this same process, which knows how its worker ended.
    pub fn ours(clean: bool) -> Self {
        if clean { Self::Clean } else { Self::Unclean }
    }

    /// Whether nothing is left that a worker may have locked.
    pub fn left_nothing_locked(self) -> bool {
        match self {
            Self::Nobody | Self::Clean | Self::HandedOver => true,
            Self::Unclean | Self::Forgotten => false,
        }
    }

    /// When a worker may begin whose holder learned of its slot at `learned`.
    pub fn begins(self, lock_delay: Duration, learned: Moment) -> Moment {
        match self.left_nothing_locked() {
            true => learned,
            false => learned + lock_delay,
        }
    }
}

/// Whether a holding ended cleanly at `now`: its worker unlocked everything, and it ended after the moment at
/// which it might begin. `begins` is `None` while that is not known.
pub fn ended_clean(unlocked: bool, begins: Option<Moment>, now: Moment) -> bool {
    unlocked && begins.is_some_and(|begins| now >= begins)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_secs(15);

    fn at(seconds: u64) -> Moment {
        Moment::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn only_what_is_known_to_have_ended_cleanly_makes_nobody_wait() {
        let learned = at(100);
        for owned in [false, true] {
            for clean in [None, Some(false), Some(true)] {
                let waits = Before::found(owned, clean).begins(DELAY, learned) > learned;
                // A slot that had an owner was handed over: the ledger still speaks of that owner's time.
                assert_eq!(waits, !owned && clean == Some(false), "{owned} {clean:?}");
            }
        }
        assert_eq!(Before::ours(true).begins(DELAY, learned), learned);
        assert_eq!(Before::ours(false).begins(DELAY, learned), learned + DELAY);
        assert_eq!(Before::Forgotten.begins(DELAY, learned), learned + DELAY);
    }

    #[test]
    fn without_a_delay_nobody_waits() {
        for before in [Before::Unclean, Before::Forgotten] {
            assert_eq!(before.begins(Duration::ZERO, at(7)), at(7));
        }
    }

    #[test]
    fn who_ends_before_its_delay_is_over_ends_unclean() {
        for unlocked in [false, true] {
            for (begins, over) in [(None, false), (Some(at(20)), false), (Some(at(10)), true)] {
                let clean = ended_clean(unlocked, begins, at(10));
                assert_eq!(clean, unlocked && over, "{unlocked} {begins:?}");
            }
        }
    }

    /// One holding after the other: a crash, and holders that are each sent away after a while. However often
    /// the slot changes hands, nobody works within the delay of the crash.
    #[test]
    fn the_delay_outlasts_any_chain_of_holders_that_end_gently() {
        for stays in 0..40 {
            let mut before = Before::Unclean;
            let mut now = at(0);
            for _ in 0..6 {
                let begins = before.begins(DELAY, now);
                assert!(begins <= now || begins >= at(0) + DELAY, "{stays} s");
                let leaves = now + Duration::from_secs(stays);
                assert!(leaves < begins || leaves >= at(0) + DELAY, "worked early");
                before = Before::ours(ended_clean(true, Some(begins), leaves));
                now = leaves;
            }
        }
    }
}
