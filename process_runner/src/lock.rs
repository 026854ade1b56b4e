//! Lock drivers: what guards an iteration besides the slot's own claim.
//!
//! The slot is always claimed in etcd, under the node's lease. With `lock_driver = "etcd"` that
//! claim *is* the lock and nothing further is taken: no round trip per iteration, none per record.
//! A driver of the user's own (an advisory lock of a database, say) is taken on top, before
//! `lock_records`, and released after `unlock_records`.
//!
//! # Contract of a driver
//!
//! 1. At most one guard exists for one slot at any time, whoever asks.
//! 2. `acquire` never waits for the present holder: it answers `None`, and the worker tries again
//!    after its idle backoff.
//! 3. Dropping a guard without `release` frees the lock too, at the latest when the process ends.
//! 4. Both methods may be dropped at any await point and leave no lock behind.

mod conformance;

use std::error::Error;
use std::future::Future;
use std::pin::Pin;

pub use conformance::{Breach, check};

use crate::model::Slot;

/// The future of a [`LockDriver`]: boxed, because drivers are chosen at run time.
pub type LockFuture<'a, T> =
    Pin<Box<dyn Future<Output = Result<T, Box<dyn Error + Send + Sync>>> + Send + 'a>>;

/// Takes a lock for one iteration of a slot. See the module for the contract.
///
/// A job names it by path, `#[job(lock_driver = my_crate::AdvisoryLock)]`, and the value comes
/// from the [`App`](crate::App)'s state of that type.
pub trait LockDriver: Send + Sync + 'static {
    /// Tries to take the lock of `slot`. `Ok(None)` if somebody else holds it.
    fn acquire<'a>(&'a self, slot: &'a Slot) -> LockFuture<'a, Option<Box<dyn LockGuard>>>;
}

/// A lock that is held.
pub trait LockGuard: Send {
    /// Gives the lock back.
    fn release(self: Box<Self>) -> LockFuture<'static, ()>;
}
