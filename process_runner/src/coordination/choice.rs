//! Which member of etcd the calls go to.
//!
//! Many calls share the choice, and a member that dies fails many of them at once. Each says which choice
//! it was made under, and only the first moves on: otherwise two failures of one member would skip a
//! living one, and three lead back to the dead one.
//!
//! Each node begins with another one, drawn by chance: else all of them would ask the member that stands
//! first in the configuration that they share.
//!
//! # How it fails
//!
//! It knows nothing of health: a dead member is tried again when the others have failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The choice of a member. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Choice(Arc<AtomicUsize>);

/// The choice that a call was made under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chosen(usize);

impl Choice {
    /// Any of `members` to begin with.
    pub(super) fn any(members: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(fastrand::usize(
            ..members.max(1),
        ))))
    }

    pub(super) fn present(&self) -> Chosen {
        Chosen(self.0.load(Ordering::Relaxed))
    }

    /// Moves on from what failed. Does nothing if somebody already did.
    pub(super) fn leave(&self, chosen: Chosen) {
        let next = chosen.0.wrapping_add(1);
        // A failure means that somebody else moved on, which is what was wanted.
        let _ = self
            .0
            .compare_exchange(chosen.0, next, Ordering::Relaxed, Ordering::Relaxed);
    }
}

impl Chosen {
    /// Which of `members` it is.
    pub(super) fn of(self, members: usize) -> usize {
        self.0 % members
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn calls_that_fail_together_move_on_once() {
        let choice = Choice::default();
        let calls = [choice.present(); 3];
        calls.into_iter().for_each(|chosen| choice.leave(chosen));
        assert_eq!(choice.present().of(3), 1);
    }

    #[test]
    fn nodes_begin_with_different_members() {
        fastrand::seed(7);
        let begun: BTreeSet<_> = (0..20).map(|_| Choice::any(3).present().of(3)).collect();
        assert_eq!(begun, BTreeSet::from([0, 1, 2]));
        assert_eq!(Choice::any(1).present().of(1), 0);
    }

    #[test]
    fn each_failure_under_a_new_choice_moves_on() {
        let choice = Choice::default();
        let tried = [(); 4].map(|()| {
            let chosen = choice.present();
            choice.leave(chosen);
            chosen.of(3)
        });
        assert_eq!(tried, [0, 1, 2, 0]);
    }

    #[test]
    fn a_late_failure_leaves_the_present_choice_alone() {
        let choice = Choice::default();
        let late = choice.present();
        choice.leave(late);
        choice.leave(choice.present());
        choice.clone().leave(late);
        assert_eq!(choice.present().of(3), 2);
    }
}
