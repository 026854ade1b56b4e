//! One call of user code, contained: it may panic, take too long or be asked to stop.
//!
//! The first poll is bare. Only if the call is still pending are a timer and a stop subscription
//! armed, because most records are ready at once and arming both costs three times the rest.
//!
//! Cancel safe in the sense that dropping the attempt drops the call at its present await point.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::job::{Holding, JobResult};
use crate::model::StopPhase;

/// How a call of user code ended.
#[derive(Debug)]
pub(crate) enum Attempt<T> {
    /// It returned.
    Returned(JobResult<T>),
    /// It panicked with this message.
    Panicked(String),
    /// It was dropped after its time was up.
    TimedOut(Duration),
    /// It was dropped because of a stop.
    Cancelled,
}

/// How long a call is let run while its worker is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Dropped in the second phase of a stop: work.
    UntilCancel,
    /// Dropped in the last phase only: tidying up.
    UntilAbort,
}

impl Patience {
    fn ends(self, phase: StopPhase) -> bool {
        match self {
            Self::UntilCancel => phase >= StopPhase::Cancel,
            Self::UntilAbort => phase >= StopPhase::Abort,
        }
    }
}

/// Runs `call` to its end, its timeout, or the end of `patience`.
pub(crate) async fn attempt<T>(
    call: impl Future<Output = JobResult<T>>,
    holding: &Holding,
    patience: Patience,
    timeout: Option<Duration>,
) -> Attempt<T> {
    let mut call = pin!(call);
    let first = poll_fn(|cx| Poll::Ready(poll_contained(call.as_mut(), cx))).await;
    if let Poll::Ready(done) = first {
        return done;
    }
    let mut stop = holding.stop.subscribe();
    tokio::select! {
        biased;
        // An error means that the holding is gone, and this call with it.
        _ = stop.wait_for(|phase| patience.ends(*phase)) => Attempt::Cancelled,
        done = poll_fn(|cx| poll_contained(call.as_mut(), cx)) => done,
        after = elapsed(timeout) => Attempt::TimedOut(after),
    }
}

fn poll_contained<T>(
    call: Pin<&mut impl Future<Output = JobResult<T>>>,
    cx: &mut Context<'_>,
) -> Poll<Attempt<T>> {
    match catch_unwind(AssertUnwindSafe(|| call.poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(result)) => Poll::Ready(Attempt::Returned(result)),
        Err(panic) => Poll::Ready(Attempt::Panicked(panic_message(panic.as_ref()))),
    }
}

async fn elapsed(timeout: Option<Duration>) -> Duration {
    match timeout {
        Some(timeout) => {
            tokio::time::sleep(timeout).await;
            timeout
        }
        None => std::future::pending().await,
    }
}

/// The text of a panic, where it has one.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}
