//! What follows the end of a worker process: another one, or the end of `run`.
//!
//! | it ended | then |
//! |---|---|
//! | by itself, and said so | `run` ends with its exit code |
//! | so, with 70 or 75: a bug, or it lost its membership | another one |
//! | so, with 69, and a worker process was up before: etcd is away | another one |
//! | by a signal, or without a word | it crashed: another one |
//! | any of these after it was asked to stop | `run` ends |
//!
//! The first restart comes at once, the others after a growing, jittered delay. How often it
//! crashed lately is told to the leader, which keeps slots away from such a node for a while; it is
//! forgotten after twice that while.

use std::time::Duration;

use process_runner::model::Backoff;

use crate::exit::Exit;

/// Between the crashes of a loop.
const BACKOFF: Backoff = Backoff {
    min: Duration::from_millis(500),
    max: Duration::from_secs(30),
};
/// A process that stays up so long after a first crash has left it behind; each further crash
/// doubles it.
const FORGET_AFTER: Duration = Duration::from_secs(60);
const DOUBLINGS: u32 = 6;

/// How a worker process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// By itself, in order: it said so.
    Said(Exit),
    /// With this status, without a word.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Exit(Exit),
    RestartAfter(Duration),
}

/// What is known of the processes so far.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    /// Crashes lately.
    pub(super) crashes: u32,
    /// One of them has been a member.
    pub(super) was_up: bool,
    /// The operator asked to stop.
    pub(super) stopping: bool,
}

impl Restarts {
    /// Decides what follows the end of a process that lived for so long. `chance` is in `0.0..1.0`.
    pub(super) fn after(&mut self, end: End, lived: Duration, chance: f64) -> Verdict {
        match end {
            End::Said(exit) if self.stopping || !self.again(exit) => return Verdict::Exit(exit),
            _ if self.stopping => return Verdict::Exit(Exit::Failure),
            _ => {}
        }
        let doublings = self.crashes.saturating_sub(1).min(DOUBLINGS);
        if lived >= FORGET_AFTER * 2u32.pow(doublings) {
            self.crashes = 0;
        }
        self.crashes = self.crashes.saturating_add(1);
        Verdict::RestartAfter(match self.crashes {
            1 => Duration::ZERO,
            n => BACKOFF.delay(n - 1, chance),
        })
    }

    fn again(&self, exit: Exit) -> bool {
        match exit {
            Exit::Internal | Exit::LostMembership => true,
            Exit::Unavailable => self.was_up,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_secs(1);
    const KILLED: End = End::Killed(9);

    #[test]
    fn what_the_process_said_is_how_run_ends() {
        for exit in [
            Exit::Clean,
            Exit::Failure,
            Exit::Usage,
            Exit::DrainDeadline,
            Exit::Unavailable,
            Exit::InvalidConfig,
        ] {
            let verdict = Restarts::default().after(End::Said(exit), SHORT, 0.5);
            assert_eq!(verdict, Verdict::Exit(exit));
        }
    }

    #[test]
    fn a_crash_a_bug_and_a_lost_membership_are_followed_by_another_process() {
        for end in [
            KILLED,
            End::Exited(0),
            End::Exited(101),
            End::Said(Exit::Internal),
            End::Said(Exit::LostMembership),
        ] {
            let mut restarts = Restarts::default();
            let verdict = restarts.after(end, SHORT, 0.5);
            assert_eq!(verdict, Verdict::RestartAfter(Duration::ZERO), "{end:?}");
            assert_eq!(restarts.crashes, 1);
        }
    }

    #[test]
    fn an_etcd_that_is_away_ends_only_a_run_that_never_was_up() {
        let mut restarts = Restarts {
            was_up: true,
            ..Restarts::default()
        };
        let verdict = restarts.after(End::Said(Exit::Unavailable), SHORT, 0.5);
        assert_eq!(verdict, Verdict::RestartAfter(Duration::ZERO));
    }

    #[test]
    fn nothing_is_restarted_that_was_asked_to_stop() {
        let mut restarts = Restarts {
            stopping: true,
            ..Restarts::default()
        };
        let verdict = restarts.after(KILLED, SHORT, 0.5);
        assert_eq!(verdict, Verdict::Exit(Exit::Failure));
        let verdict = restarts.after(End::Said(Exit::LostMembership), SHORT, 0.5);
        assert_eq!(verdict, Verdict::Exit(Exit::LostMembership));
    }

    #[test]
    fn a_crash_loop_waits_ever_longer_until_a_process_stays_up() {
        let mut restarts = Restarts::default();
        let mut delays = (0..12).map(|_| restarts.after(KILLED, SHORT, 1.0));
        let delays: Vec<_> = delays.by_ref().collect();
        assert_eq!(delays[0], Verdict::RestartAfter(Duration::ZERO));
        assert_eq!(delays[1], Verdict::RestartAfter(Duration::from_millis(500)));
        assert_eq!(delays[2], Verdict::RestartAfter(Duration::from_secs(1)));
        assert_eq!(delays[11], Verdict::RestartAfter(Duration::from_secs(30)));

        let not_yet = FORGET_AFTER * 2u32.pow(DOUBLINGS) - SHORT;
        restarts.after(KILLED, not_yet, 1.0);
        assert_eq!(restarts.crashes, 13);
        let verdict = restarts.after(KILLED, not_yet + SHORT, 1.0);
        assert_eq!(restarts.crashes, 1);
        assert_eq!(verdict, Verdict::RestartAfter(Duration::ZERO));
    }
}
