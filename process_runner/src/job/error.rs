//! The error of a job: what went wrong, and what the runner should do about it.
//!
//! Any `std::error::Error` and any message becomes a [`JobError`] by `?`, so a job's author writes
//! ordinary Rust. Two further values travel the same road because `?` is how a method ends early:
//! *interrupted* (a cancelled `cx.sleep`; not a failure) and *abort* (`cx.abort()`; this worker
//! starts afresh).

use std::error::Error;
use std::fmt;

/// The result of every method of a [`Job`](crate::Job).
pub type JobResult<T> = Result<T, JobError>;

/// Why a method of a job ended early.
///
/// It is built by `?` from an error or a message, or by [`JobError::retry`] and
/// [`JobError::permanent`] when the author knows whether trying again helps.
///
/// ```
/// use process_runner::{JobError, JobResult};
///
/// fn parse(line: &str) -> JobResult<u32> {
///     if line.is_empty() {
///         return Err("the line is empty".into()); // retried as configured
///     }
///     line.parse().map_err(JobError::permanent) // a number will not appear by itself
/// }
///
/// assert_eq!(parse("x").unwrap_err().to_string(), "invalid digit found in string");
/// ```
pub struct JobError {
    flow: Flow,
}

/// What the engine does with an early end.
#[derive(Debug)]
pub(crate) enum Flow {
    /// Something went wrong.
    Failed {
        source: Box<dyn Error + Send + Sync>,
        advice: RetryAdvice,
    },
    /// The worker was asked to stop while the job slept.
    Interrupted,
    /// The job asked for a fresh worker.
    Abort,
}

/// Whether the author of an error knows that repeating helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RetryAdvice {
    /// No advice: the `retry` settings of the job decide.
    #[default]
    AsConfigured,
    /// Retry, if need be in a later iteration; never quarantine.
    Retry,
    /// Do not retry: the record goes to `quarantine` at once.
    DoNotRetry,
}

impl JobError {
    /// A failure that will go away by itself: the record never goes to `quarantine`. After the
    /// configured attempts it is left to a later iteration.
    pub fn retry(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::failed(error.into(), RetryAdvice::Retry)
    }

    /// A failure that repeating cannot mend: the record goes to `quarantine` at once.
    pub fn permanent(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::failed(error.into(), RetryAdvice::DoNotRetry)
    }

    /// What the error says about trying again. `DoNotRetry` for an interruption or an abort.
    pub fn advice(&self) -> RetryAdvice {
        match &self.flow {
            Flow::Failed { advice, .. } => *advice,
            Flow::Interrupted | Flow::Abort => RetryAdvice::DoNotRetry,
        }
    }

    /// True if the method only ended because the worker was asked to stop.
    pub fn is_interrupted(&self) -> bool {
        matches!(self.flow, Flow::Interrupted)
    }

    pub(crate) fn interrupted() -> Self {
        Self {
            flow: Flow::Interrupted,
        }
    }

    pub(crate) fn abort() -> Self {
        Self { flow: Flow::Abort }
    }

    pub(crate) fn flow(&self) -> &Flow {
        &self.flow
    }

    fn failed(source: Box<dyn Error + Send + Sync>, advice: RetryAdvice) -> Self {
        Self {
            flow: Flow::Failed { source, advice },
        }
    }
}

impl<E> From<E> for JobError
where
    E: Into<Box<dyn Error + Send + Sync>>,
{
    fn from(error: E) -> Self {
        Self::failed(error.into(), RetryAdvice::AsConfigured)
    }
}

/// The message, followed by every cause: `cannot read a.txt: permission denied`.
impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.flow {
            Flow::Failed { source, .. } => write_with_causes(f, source.as_ref()),
            Flow::Interrupted => f.write_str("interrupted: the worker was asked to stop"),
            Flow::Abort => f.write_str("aborted: the job asked for a fresh worker"),
        }
    }
}

impl fmt::Debug for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.flow, f)
    }
}

/// Many errors repeat their cause in their own text; such a cause is not printed twice.
fn write_with_causes(f: &mut fmt::Formatter<'_>, error: &dyn Error) -> fmt::Result {
    let mut text = error.to_string();
    f.write_str(&text)?;
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            write!(f, ": {next}")?;
        }
        text = next;
        cause = error.source();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails_by(error: impl Into<JobError>) -> JobResult<()> {
        Err(error.into())
    }

    #[test]
    fn errors_and_messages_convert() {
        let io = std::io::Error::other("disk on fire");
        assert_eq!(fails_by(io).unwrap_err().to_string(), "disk on fire");
        assert_eq!(fails_by("no luck").unwrap_err().to_string(), "no luck");
        assert_eq!(
            fails_by(format!("no {}", 1)).unwrap_err().to_string(),
            "no 1"
        );
    }

    #[test]
    fn a_cause_repeated_in_the_text_is_printed_once() {
        #[derive(Debug)]
        struct Outer(std::io::Error);
        impl fmt::Display for Outer {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "outer: {}", self.0)
            }
        }
        impl Error for Outer {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&self.0)
            }
        }
        let error = JobError::from(Outer(std::io::Error::other("inner")));
        assert_eq!(error.to_string(), "outer: inner");
    }

    #[test]
    fn advice_is_kept() {
        assert_eq!(JobError::from("x").advice(), RetryAdvice::AsConfigured);
        assert_eq!(JobError::retry("x").advice(), RetryAdvice::Retry);
        assert_eq!(JobError::permanent("x").advice(), RetryAdvice::DoNotRetry);
        assert!(JobError::interrupted().is_interrupted());
    }
}
