//! What can go wrong between a job and its queue.

use std::fmt;

use process_runner::postgres::FenceError;

use super::Holder;

/// Why the queue did not do what was asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The database refused or did not answer.
    Sql(sqlx::Error),
    /// A later holder of the worker index was here already: the caller has lost its slot.
    Superseded {
        /// The worker index.
        worker: u32,
        /// The caller's fence.
        fence: u64,
        /// The greatest fence that the queue has seen.
        found: u64,
    },
    /// The caller did not begin its holding with `advance`, or the fences cannot be asked.
    Fence(FenceError),
    /// The tree with the files cannot be listed.
    Source(std::io::Error),
    /// `DATABASE_URL` names no database that this program knows. The value may hold a password,
    /// so it is not repeated.
    UnknownUrl,
}

impl StoreError {
    pub(super) fn superseded(holder: Holder<'_>, found: u64) -> Self {
        Self::Superseded {
            worker: holder.worker,
            fence: holder.fence,
            found,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sql(_) => f.write_str("the queue's database failed"),
            Self::Superseded {
                worker,
                fence,
                found,
            } => write!(
                f,
                "worker {worker} with fence {fence} was taken over with {found}: this worker has \
                 lost its slot, or the etcd that hands out fences was emptied while the queue was \
                 kept"
            ),
            Self::Fence(_) => f.write_str("the queue's fence was not accepted"),
            Self::Source(_) => f.write_str("the files cannot be listed"),
            Self::UnknownUrl => f.write_str(
                "DATABASE_URL is neither `postgres://…` nor `sqlite:PATH`; without it the queue is \
                 the file process_queue.db",
            ),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Sql(error) => Some(error),
            Self::Source(error) => Some(error),
            Self::Fence(error) => Some(error),
            Self::Superseded { .. } | Self::UnknownUrl => None,
        }
    }
}

impl From<FenceError> for StoreError {
    fn from(error: FenceError) -> Self {
        match error {
            FenceError::Superseded {
                worker_index: worker,
                fence,
                found,
                ..
            } => Self::Superseded {
                worker,
                fence,
                found,
            },
            other => Self::Fence(other),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}
