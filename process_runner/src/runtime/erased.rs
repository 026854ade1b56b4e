//! A user's job behind one virtual call per iteration.
//!
//! The loop over the records is monomorphised for each job type, so that only one future is boxed
//! for a whole iteration and none for a record.

use crate::job::Job;

/// A job whose type is forgotten.
pub(crate) trait ErasedJob: Send {}

/// Forgets the type of `job`.
pub(crate) fn erase<J: Job>(job: J) -> Box<dyn ErasedJob> {
    Box::new(Erased { job })
}

struct Erased<J> {
    job: J,
}

impl<J: Job> ErasedJob for Erased<J> {}
