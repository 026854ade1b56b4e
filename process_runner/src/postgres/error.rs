//! Why a fence was refused, or could not be asked.

use std::error::Error;
use std::fmt;

use super::PgFence;

/// A transaction met a row that was changed since its snapshot.
const SERIALIZATION_FAILURE: &str = "40001";
/// Above these stands a fence's epoch.
const REVISION_BITS: u32 = 47;
const UNDEFINED_TABLE: &str = "42P01";

/// Why a transaction was not fenced. It must not commit.
///
/// Each variant that names a slot names this holding's fence too.
#[derive(Debug)]
#[non_exhaustive]
pub enum FenceError {
    /// A later holding of the slot was here already. This worker has lost its slot, and nothing of
    /// what it still does is accepted.
    Superseded {
        /// The job.
        job: String,
        /// The worker index.
        worker_index: u32,
        /// The fence of this holding.
        fence: u64,
        /// The greatest fence that the database has seen for the slot.
        found: u64,
    },
    /// The fence changed while a REPEATABLE READ or SERIALIZABLE transaction ran. Begun again, it
    /// learns to what.
    Changed {
        /// The job.
        job: String,
        /// The worker index.
        worker_index: u32,
        /// The fence of this holding.
        fence: u64,
        /// What the database said.
        source: sqlx::Error,
    },
    /// This holding was never advanced to: [`PgFence::advance`] comes before the first work.
    NotAdvanced {
        /// The job.
        job: String,
        /// The worker index.
        worker_index: u32,
        /// The fence of this holding.
        fence: u64,
    },
    /// The slot is not held yet: this is a `prepare` that runs ahead.
    NotHeld {
        /// The job.
        job: String,
        /// The worker index.
        worker_index: u32,
    },
    /// There is no table of fences on the `search_path`.
    NoTable(sqlx::Error),
    /// The database refused or did not answer.
    Sql(sqlx::Error),
}

impl FenceError {
    pub(super) fn superseded(fence: &PgFence, found: i64) -> Self {
        Self::Superseded {
            job: fence.job.clone(),
            worker_index: fence.worker_index,
            fence: fence.fence,
            found: found.unsigned_abs(),
        }
    }

    pub(super) fn not_advanced(fence: &PgFence) -> Self {
        Self::NotAdvanced {
            job: fence.job.clone(),
            worker_index: fence.worker_index,
            fence: fence.fence,
        }
    }

    pub(super) fn not_held(fence: &PgFence) -> Self {
        Self::NotHeld {
            job: fence.job.clone(),
            worker_index: fence.worker_index,
        }
    }

    pub(super) fn from_database(fence: &PgFence, source: sqlx::Error) -> Self {
        let code = source.as_database_error().and_then(|error| error.code());
        match code.as_deref() {
            Some(SERIALIZATION_FAILURE) => Self::Changed {
                job: fence.job.clone(),
                worker_index: fence.worker_index,
                fence: fence.fence,
                source,
            },
            Some(UNDEFINED_TABLE) => Self::NoTable(source),
            _ => Self::Sql(source),
        }
    }
}

impl From<sqlx::Error> for FenceError {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl fmt::Display for FenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Superseded {
                job,
                worker_index,
                fence,
                found,
            } => write!(
                f,
                "{job}@{worker_index} was taken over: this worker holds fence {fence}, and the \
                 database has seen {found}; the transaction is refused. If no later worker runs, \
                 etcd lost its data while the database kept its own: stop all nodes and raise the \
                 epoch with `pr-cli raise-epoch --to {}`",
                (found >> REVISION_BITS) + 1
            ),
            Self::Changed {
                job,
                worker_index,
                fence,
                ..
            } => write!(
                f,
                "the fence of {job}@{worker_index} changed during this transaction, which holds \
                 {fence}; the transaction is refused. Begin it again to learn whether the slot \
                 was taken over"
            ),
            Self::NotAdvanced {
                job,
                worker_index,
                fence,
            } => write!(
                f,
                "the fence {fence} of {job}@{worker_index} is not in the database; call \
                 `PgFence::advance` in `prepare`, before the first work"
            ),
            Self::NotHeld { job, worker_index } => write!(
                f,
                "{job}@{worker_index} is not held yet, so it has no fence: with `prepare_ahead`, \
                 call `PgFence::advance` in `before_perform` and not in `prepare`"
            ),
            Self::NoTable(_) => f.write_str(
                "the table process_runner_fences does not exist; call \
                 `process_runner::postgres::create_fences` at start, or create it by your own \
                 migration, see `process_runner::postgres::FENCES`",
            ),
            Self::Sql(_) => f.write_str("the fence could not be checked in the database"),
        }
    }
}

impl Error for FenceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Changed { source, .. } | Self::NoTable(source) | Self::Sql(source) => {
                Some(source)
            }
            Self::Superseded { .. } | Self::NotAdvanced { .. } | Self::NotHeld { .. } => None,
        }
    }
}
