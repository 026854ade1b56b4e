//! A user's job behind one virtual call per iteration.
//!
//! The loop over the records is monomorphised for each job type, so that one future is boxed for a
//! whole iteration and none for a record.

use std::future::Future;
use std::pin::Pin;

use super::attempt::{Attempt, Patience, attempt};
use super::iteration::{IterationRules, Report, iterate};
use crate::job::{Job, WorkerContext};

pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A job whose type is forgotten.
pub(crate) trait ErasedJob: Send {
    /// Runs the hook that comes once before the first iteration.
    fn prepare<'a>(&'a mut self, cx: &'a WorkerContext) -> Boxed<'a, Attempt<()>>;

    /// Runs one iteration to its end.
    fn iterate<'a>(
        &'a mut self,
        cx: &'a WorkerContext,
        rules: &'a IterationRules,
    ) -> Boxed<'a, Report>;
}

/// Forgets the type of `job`.
pub(crate) fn erase<J: Job>(job: J) -> Box<dyn ErasedJob> {
    Box::new(Erased { job })
}

struct Erased<J> {
    job: J,
}

impl<J: Job> ErasedJob for Erased<J> {
    fn prepare<'a>(&'a mut self, cx: &'a WorkerContext) -> Boxed<'a, Attempt<()>> {
        Box::pin(async {
            attempt(
                self.job.prepare(cx),
                cx.holding(),
                Patience::UntilCancel,
                None,
            )
            .await
        })
    }

    fn iterate<'a>(
        &'a mut self,
        cx: &'a WorkerContext,
        rules: &'a IterationRules,
    ) -> Boxed<'a, Report> {
        Box::pin(iterate(&mut self.job, cx, rules))
    }
}
