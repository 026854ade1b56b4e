//! The suite that every lock driver passes, for authors of their own to run in a test.
//!
//! It holds the contract of the [`lock`](super) module to the extent that one process can: it does
//! not kill processes, so rule 3 is checked by dropping a guard.

use std::fmt;

use super::{LockDriver, LockGuard};
use crate::model::Slot;

/// A rule of the contract that a driver broke.
#[derive(Debug)]
pub struct Breach {
    /// The number of the rule.
    pub rule: u8,
    /// What happened.
    pub what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "rule {} of a lock driver is broken: {}",
            self.rule, self.what
        )
    }
}

impl std::error::Error for Breach {}

/// Checks `driver` against the contract, with the slots of a job called `job`, which nothing else
/// may use meanwhile.
///
/// ```
/// # use process_runner::lock::{LockDriver, LockGuard, LockFuture, check};
/// # use process_runner::model::Slot;
/// # use std::{collections::HashSet, sync::{Arc, Mutex}};
/// # #[derive(Clone, Default)] struct InMemory(Arc<Mutex<HashSet<Slot>>>);
/// # struct Guard(InMemory, Slot);
/// # impl Drop for Guard { fn drop(&mut self) { self.0.0.lock().unwrap().remove(&self.1); } }
/// # impl LockGuard for Guard {
/// #     fn release(self: Box<Self>) -> LockFuture<'static, ()> { Box::pin(async move { drop(self); Ok(()) }) }
/// # }
/// # impl LockDriver for InMemory {
/// #     fn acquire<'a>(&'a self, slot: &'a Slot) -> LockFuture<'a, Option<Box<dyn LockGuard>>> {
/// #         Box::pin(async move {
/// #             let free = self.0.lock().unwrap().insert(slot.clone());
/// #             Ok(free.then(|| Box::new(Guard(self.clone(), slot.clone())) as Box<dyn LockGuard>))
/// #         })
/// #     }
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let driver = InMemory::default();
/// check(&driver, "suite").await?;
/// # Ok::<(), process_runner::lock::Breach>(())
/// # }).unwrap();
/// ```
///
/// # Errors
///
/// The first rule that does not hold.
pub async fn check(driver: &dyn LockDriver, job: &str) -> Result<(), Breach> {
    let (first, second) = (Slot::new(job, 0), Slot::new(job, 1));
    let held = take(driver, &first, 1).await?;
    if try_take(driver, &first, 1).await?.is_some() {
        return breach(1, "one slot was locked twice");
    }
    let other = take(driver, &second, 1).await?;
    release(other, &second).await?;
    if try_take(driver, &first, 1).await?.is_some() {
        return breach(1, "the release of one slot freed another");
    }
    release(held, &first).await?;

    drop(take(driver, &first, 1).await?);
    let again = take(driver, &first, 3).await?;
    release(again, &first).await?;

    // Dropped before its first poll and after, an attempt leaves no lock behind.
    drop(driver.acquire(&first));
    let held = take(driver, &first, 4).await?;
    drop(held.release());
    let last = take(driver, &first, 4).await?;
    release(last, &first).await
}

async fn take(
    driver: &dyn LockDriver,
    slot: &Slot,
    rule: u8,
) -> Result<Box<dyn LockGuard>, Breach> {
    match try_take(driver, slot, rule).await? {
        Some(guard) => Ok(guard),
        None => breach(rule, &format!("{slot} is free and could not be locked")),
    }
}

async fn try_take(
    driver: &dyn LockDriver,
    slot: &Slot,
    rule: u8,
) -> Result<Option<Box<dyn LockGuard>>, Breach> {
    driver.acquire(slot).await.map_err(|error| Breach {
        rule,
        what: format!("acquire of {slot} failed: {error}"),
    })
}

async fn release(guard: Box<dyn LockGuard>, slot: &Slot) -> Result<(), Breach> {
    guard.release().await.map_err(|error| Breach {
        rule: 1,
        what: format!("release of {slot} failed: {error}"),
    })
}

fn breach<T>(rule: u8, what: &str) -> Result<T, Breach> {
    Err(Breach {
        rule,
        what: what.to_owned(),
    })
}
