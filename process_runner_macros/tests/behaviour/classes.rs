//! The classes that the tests look at.

use std::path::PathBuf;
use std::sync::Arc;

use process_runner::prelude::*;
use process_runner::{ClassEntry, Registry};

/// The class called `name`.
pub(crate) fn class(name: &str) -> ClassEntry {
    *registry().class(name).expect("the class is registered")
}

/// Everything in this test binary.
pub(crate) fn registry() -> Registry {
    App::new().into_registry().expect("the classes agree")
}

/// An iteration that does nothing.
macro_rules! idle {
    ($class:ident) => {
        impl Job for $class {
            type Record = ();

            async fn lock_records(&mut self, _: &WorkerContext) -> JobResult<Vec<()>> {
                Ok(Vec::new())
            }

            async fn process_record(&mut self, _: &WorkerContext, (): &()) -> JobResult<()> {
                Ok(())
            }

            async fn unlock_records(&mut self, _: &WorkerContext) -> JobResult<()> {
                Ok(())
            }
        }
    };
}
pub(crate) use idle;

/// Shared by all workers.
#[derive(Clone)]
pub(crate) struct Pool(pub(crate) Arc<str>);

/// Built from nothing that could fail.
#[process_runner::state]
async fn pool() -> Result<Pool, std::convert::Infallible> {
    Ok(Pool("the pool".into()))
}

/// Every kind of field at once.
#[job(lock_driver = "etcd")]
pub(crate) struct ProcessQueue {
    /// How many records one
    /// iteration locks.
    #[job(default = 1000)]
    pub(crate) batch_size: u32,
    /// Where files go.
    #[job(default = "/tmp")]
    pub(crate) directory: PathBuf,
    #[job(default)]
    pub(crate) tags: Vec<String>,
    #[serde(rename = "from")]
    #[schemars(range(max = 10))]
    pub(crate) start: u8,
    pub(crate) limit: Option<u8>,
    #[job(default = Retry { times: Self::TIMES })]
    pub(crate) retry: Retry,
    #[job(state)]
    pub(crate) pool: Pool,
    #[job(skip)]
    pub(crate) seen: Vec<u64>,
    #[job(skip = Self::TIMES + 1)]
    pub(crate) left: u32,
    #[cfg(any())]
    pub(crate) absent: DoesNotExist,
    #[cfg(not(any()))]
    #[job(default = 1)]
    pub(crate) present: i8,
}

impl ProcessQueue {
    const TIMES: u32 = 3;
}

idle!(ProcessQueue);

/// An option with options of its own.
#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retry {
    /// How often.
    pub(crate) times: u32,
}

/// Nothing to configure.
#[job]
pub(crate) struct Plain;

idle!(Plain);

/// A name and keys of its own.
#[job(class = "imports/nightly")]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Import {
    #[job(default)]
    pub(crate) source_table: String,
    #[serde(with = "seconds")]
    #[schemars(with = "u64")]
    pub(crate) patience: std::time::Duration,
}

idle!(Import);

mod seconds {
    use serde::Deserialize;

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<std::time::Duration, D::Error> {
        u64::deserialize(deserializer).map(std::time::Duration::from_secs)
    }
}

/// Drivers of the user's own.
pub(crate) mod locks {
    use process_runner::lock::{LockDriver, LockFuture, LockGuard};
    use process_runner::model::Slot;

    /// A lock on top of the slot.
    #[derive(Clone)]
    pub(crate) struct AdvisoryLock;

    impl LockDriver for AdvisoryLock {
        fn acquire<'a>(&'a self, _: &'a Slot) -> LockFuture<'a, Option<Box<dyn LockGuard>>> {
            Box::pin(async { Ok(None) })
        }
    }
}

/// A driver is registered like any state.
#[process_runner::state]
async fn advisory_lock() -> Result<locks::AdvisoryLock, std::convert::Infallible> {
    Ok(locks::AdvisoryLock)
}

/// Guarded by a type.
#[job(lock_driver = locks::AdvisoryLock)]
pub(crate) struct Guarded {
    #[job(default)]
    pub(crate) r#type: String,
}

idle!(Guarded);
