//! One iteration as a machine: which hook comes next, whatever happened in the last one.
//!
//! ```text
//! Before -> Lock -> Process 0..n -> (Wait -> Process the failed ones again)* -> Unlock -> After -> End
//!                      |                                       |
//!                      `- failed for good: Quarantine          `- at most `retries` times a record
//! ```
//!
//! The shell asks [`Iteration::next`] what to do, does it, and tells the machine how it went with
//! [`Iteration::finished`]. The machine never does anything itself, so a test can walk through
//! every order of outcomes.
//!
//! # Guarantees
//!
//! - `Unlock` and `After` follow success, error, panic, stop and timeout alike, each exactly once.
//! - Once the hold is [`Hold::Lost`] the only step is `End`: nothing is unlocked that may belong to
//!   a new owner by now. The same holds for a stop in its last phase.
//! - No record begins when the hold is not [`Hold::Firm`] or a stop was asked for.
//! - A failed record is tried again after the rest of the batch, never before it.

use std::collections::VecDeque;

use super::StopPhase;

/// How sure the slot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Something new may begin.
    Firm,
    /// The lease runs out soon: begin nothing, unlock what is locked.
    Ending,
    /// Somebody else may own the slot: touch nothing.
    Lost,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Call `before_perform`.
    Before,
    /// Call `lock_records`.
    Lock,
    /// Call `process_record` for the record at this place of the batch.
    Process(usize),
    /// Sleep before the failed records are tried again, for the n-th time (from 1).
    Wait(u32),
    /// Call `quarantine` for the record at this place, with the error it failed with last.
    Quarantine(usize),
    /// Call `unlock_records`.
    Unlock,
    /// Call `after_perform`.
    After,
    /// The iteration is over.
    End(Ending),
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It returned `Ok`; for `Lock` with so many records.
    Done(usize),
    /// It failed or took too long, and trying the record again may help.
    Failed,
    /// It failed, and whoever wrote the error knows that trying again helps.
    FailedForNow,
    /// It failed, and trying again cannot help.
    FailedForGood,
    /// It panicked.
    Panicked,
    /// It ended early because the worker is to stop, or was dropped for that reason.
    Interrupted,
    /// The job asked for a fresh worker.
    Abort,
}

/// How an iteration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It had records, and nothing outside them failed.
    Worked,
    /// `lock_records` returned an empty batch.
    Empty,
    /// A hook other than `process_record` failed.
    Failed,
    /// A hook other than `process_record` panicked, so the job's value cannot be trusted; or the
    /// job asked for a fresh worker (`aborted`).
    Broken {
        /// True if the job asked for it, so that it is no failure.
        aborted: bool,
    },
    /// A stop was asked for; what was locked was given to `unlock_records`.
    Stopped,
    /// The hold was lost or the stop was in its last phase: nothing was unlocked.
    Dropped,
}

/// The state of one iteration.
#[derive(Debug, Clone)]
pub struct Iteration {
    at: At,
    retries: u32,
    batch: usize,
    failed: VecDeque<Failure>,
    ending: Ending,
    /// How `unlock_records` went: `None` until it was called.
    pub unlocked: Option<bool>,
    /// Records that `process_record` accepted.
    pub processed: u64,
    /// Failures of any hook.
    pub errors: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Before,
    Lock,
    /// First pass over the batch.
    Record(usize),
    /// Before the n-th pass over what failed.
    Wait(u32),
    /// In the n-th pass, so many of the failed records left to try.
    Again {
        round: u32,
        left: usize,
    },
    Quarantine {
        record: usize,
        then: Resume,
    },
    Unlock,
    After,
    End,
}

/// Where to go on after a quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resume {
    Record(usize),
    Again { round: u32, left: usize },
}

#[derive(Debug, Clone, Copy)]
struct Failure {
    record: usize,
    tries: u32,
}

impl Iteration {
    /// A new iteration in which a record is tried again up to `retries` times.
    pub fn new(retries: u32) -> Self {
        Self {
            at: At::Before,
            retries,
            batch: 0,
            failed: VecDeque::new(),
            ending: Ending::Worked,
            unlocked: None,
            processed: 0,
            errors: 0,
        }
    }

    /// An iteration that only unlocks: of a slot that is here because a dead worker may have left
    /// records locked, and that nobody is to run.
    pub fn unlocking() -> Self {
        Self {
            at: At::Unlock,
            ending: Ending::Stopped,
            ..Self::new(0)
        }
    }

    /// What to do now. Asking twice without an outcome in between answers the same, unless the
    /// hold or the stop moved on.
    #[inline]
    pub fn next(&mut self, hold: Hold, stop: StopPhase) -> Step {
        if hold == Hold::Lost || stop == StopPhase::Abort {
            self.at = At::End;
            self.ending = Ending::Dropped;
        } else if (hold == Hold::Ending || stop.is_stopping()) && self.begins_something() {
            self.stop();
        }
        match self.at {
            At::Before => Step::Before,
            At::Lock => Step::Lock,
            At::Record(record) => Step::Process(record),
            At::Wait(round) => Step::Wait(round),
            // `Again` is only entered with something left to try.
            At::Again { .. } => match self.failed.front() {
                Some(failure) => Step::Process(failure.record),
                None => self.unlock(),
            },
            At::Quarantine { record, .. } => Step::Quarantine(record),
            At::Unlock => Step::Unlock,
            At::After => Step::After,
            At::End => Step::End(self.ending),
        }
    }

    /// Tells how the step went that [`next`](Self::next) answered last.
    #[inline]
    pub fn finished(&mut self, outcome: Outcome) {
        if self.at == At::Unlock {
            self.unlocked = Some(matches!(outcome, Outcome::Done(_)));
        }
        match self.at {
            At::Record(record) => {
                let next = Resume::Record(record + 1);
                self.record_finished(Failure { record, tries: 0 }, outcome, next);
            }
            At::Again { round, left } => {
                if let Some(failure) = self.failed.pop_front() {
                    let next = Resume::Again {
                        round,
                        left: left - 1,
                    };
                    self.record_finished(failure, outcome, next);
                }
            }
            _ => self.hook_finished(outcome),
        }
    }

    /// True if the step at hand would start work, so that a stop skips it.
    fn begins_something(&self) -> bool {
        !matches!(
            self.at,
            At::Unlock | At::After | At::End | At::Quarantine { .. }
        )
    }

    fn stop(&mut self) {
        let began = self.at != At::Before;
        self.ending = match self.ending {
            Ending::Worked | Ending::Empty => Ending::Stopped,
            worse => worse,
        };
        self.at = if began { At::Unlock } else { At::End };
    }

    fn unlock(&mut self) -> Step {
        self.at = At::Unlock;
        Step::Unlock
    }

    fn record_finished(&mut self, mut failure: Failure, outcome: Outcome, next: Resume) {
        match outcome {
            Outcome::Done(_) => {
                self.processed += 1;
                self.resume(next);
            }
            Outcome::Interrupted => self.stop(),
            Outcome::Abort => self.broken(true),
            Outcome::FailedForGood => {
                self.errors += 1;
                self.at = At::Quarantine {
                    record: failure.record,
                    then: next,
                };
            }
            Outcome::Failed | Outcome::FailedForNow | Outcome::Panicked => {
                self.errors += 1;
                if failure.tries < self.retries {
                    failure.tries += 1;
                    self.failed.push_back(failure);
                    self.resume(next);
                } else if outcome == Outcome::FailedForNow {
                    // It stays unquarantined: `unlock_records` frees it for a later iteration.
                    self.resume(next);
                } else {
                    self.at = At::Quarantine {
                        record: failure.record,
                        then: next,
                    };
                }
            }
        }
    }

    #[inline]
    fn resume(&mut self, next: Resume) {
        self.at = match next {
            Resume::Record(record) if record < self.batch => At::Record(record),
            Resume::Record(_) if !self.failed.is_empty() => At::Wait(1),
            Resume::Again { round, left } if left > 0 => At::Again { round, left },
            Resume::Again { round, .. } if !self.failed.is_empty() => At::Wait(round + 1),
            Resume::Record(_) | Resume::Again { .. } => At::Unlock,
        };
    }

    fn hook_finished(&mut self, outcome: Outcome) {
        let failed = match outcome {
            Outcome::Done(_) => false,
            Outcome::Interrupted => return self.interrupted(),
            Outcome::Abort => return self.broken(true),
            Outcome::Panicked => {
                self.errors += 1;
                return self.broken(false);
            }
            Outcome::Failed | Outcome::FailedForNow | Outcome::FailedForGood => true,
        };
        if failed {
            self.errors += 1;
            if !matches!(self.ending, Ending::Broken { .. }) {
                self.ending = Ending::Failed;
            }
        }
        self.at = match self.at {
            At::Before if !failed => At::Lock,
            At::Lock if !failed => return self.locked(outcome),
            At::Wait(round) => At::Again {
                round,
                left: self.failed.len(),
            },
            // A record whose quarantine fails is counted, and the rest of the batch goes on.
            At::Quarantine { then, .. } => return self.resume(then),
            At::Before | At::Lock => At::Unlock,
            At::Unlock => At::After,
            At::After | At::End | At::Record(_) | At::Again { .. } => At::End,
        };
    }

    fn locked(&mut self, outcome: Outcome) {
        if let Outcome::Done(records) = outcome {
            self.batch = records;
        }
        if self.batch == 0 {
            self.ending = Ending::Empty;
        }
        self.resume(Resume::Record(0));
    }

    /// A hook ended because of a stop: the way on is the same, without work.
    fn interrupted(&mut self) {
        match self.at {
            At::Unlock => self.at = At::After,
            At::After | At::End => self.at = At::End,
            _ => {
                self.at = if self.at == At::Before {
                    At::Lock
                } else {
                    self.at
                };
                self.stop();
            }
        }
    }

    fn broken(&mut self, aborted: bool) {
        self.ending = match self.ending {
            Ending::Broken { aborted: before } => Ending::Broken {
                aborted: before && aborted,
            },
            _ => Ending::Broken { aborted },
        };
        self.at = match self.at {
            At::Unlock => At::After,
            At::After | At::End => At::End,
            _ => At::Unlock,
        };
    }
}

#[cfg(test)]
mod tests;
