//! The fence at PostgreSQL: a transaction of an earlier holder of a slot is refused by the database.
//!
//! # Why
//!
//! A lease and a clock keep two nodes from working on one slot, but for one case: a process that is
//! paused between its last look at the clock and its write, or a write that was sent already. Only
//! the resource that is written to can refuse those. It can if it knows the greatest fence that was
//! ever shown to it, and if each write shows its own.
//!
//! # Model
//!
//! One small table has a row for each slot, with the greatest fence seen. A holding does two things
//! with it:
//!
//! ```text
//! advance   once, before the first work       the row takes this holding's fence, if it is greater
//! check     in each transaction of the work   the row is locked FOR SHARE and its fence compared
//! ```
//!
//! The lock is what makes it safe. While a checked transaction runs, no later holding can advance;
//! and once one has advanced, no check of an earlier holding passes. So whatever an earlier holder
//! commits, it commits before a later one begins, and the later one sees it.
//!
//! ```
//! use process_runner::postgres::PgFence;
//! use process_runner::prelude::*;
//! use sqlx::PgPool;
//!
//! /// Pays what is owed, each invoice once.
//! #[job(lock_driver = "etcd")]
//! struct Payments {
//!     #[job(state)]
//!     db: PgPool,
//! }
//!
//! impl Job for Payments {
//!     type Record = i64;
//!
//!     async fn prepare(&mut self, cx: &WorkerContext) -> JobResult<()> {
//!         Ok(PgFence::of(cx).advance(&self.db).await?)
//!     }
//!
//!     async fn process_record(&mut self, cx: &WorkerContext, invoice: &i64) -> JobResult<()> {
//!         let mut tx = PgFence::of(cx).begin(&self.db).await?;
//!         sqlx::query("UPDATE invoices SET paid = true WHERE id = $1")
//!             .bind(invoice)
//!             .execute(&mut *tx)
//!             .await?;
//!         Ok(tx.commit().await?)
//!     }
//!
//!     // lock_records and unlock_records begin their transactions in the same way.
//! #   async fn lock_records(&mut self, _: &WorkerContext) -> JobResult<Vec<i64>> { Ok(vec![]) }
//! #   async fn unlock_records(&mut self, _: &WorkerContext) -> JobResult<()> { Ok(()) }
//! }
//! ```
//!
//! # In one statement
//!
//! Work that is a single statement needs no transaction around it: the check becomes a part of it,
//! [`HELD`], and costs no trip of its own. The answer has a row if the fence was held and none if
//! it was not; [`PgFence::check`] then says why.
//!
//! ```
//! # use process_runner::postgres::{FenceError, HELD, PgFence};
//! # use sqlx::{AssertSqlSafe, PgPool};
//! /// How many records were still locked.
//! async fn unlock(db: &PgPool, fence: &PgFence) -> Result<i64, FenceError> {
//!     let sql = format!(
//!         "WITH held AS ({HELD}), work AS (
//!              UPDATE queue SET locked_by = NULL FROM held WHERE locked_by = $2 RETURNING 1)
//!          SELECT (SELECT count(*) FROM work) FROM held"
//!     );
//!     let unlocked = sqlx::query_scalar(AssertSqlSafe(sql))
//!         .bind(fence.job())
//!         .bind(fence.worker_index())
//!         .bind(fence.number())
//!         .fetch_optional(db)
//!         .await?;
//!     if unlocked.is_none() {
//!         fence.check(db).await?;
//!     }
//!     Ok(unlocked.unwrap_or(0))
//! }
//! ```
//!
//! The work must join `held`, as `FROM held` does here: what does not is not fenced. This form is for
//! READ COMMITTED, PostgreSQL's default; at the stricter levels it is refused as well, but the
//! error may be the database's own (SQLSTATE 40001).
//!
//! # Guarantees
//!
//! - At READ COMMITTED, REPEATABLE READ and SERIALIZABLE alike, in whatever order their steps
//!   come: once a later holding has advanced, no transaction that an earlier one checks commits.
//! - `advance` never goes back, and repeating it changes nothing.
//!
//! # How it fails
//!
//! - **The slot was lost.** [`FenceError::Superseded`]; the transaction is rolled back.
//! - **An earlier holder sits in an open transaction**, paused perhaps. `advance` waits until it has
//!   ended, because until then its outcome is open. Let the server end it: set
//!   `idle_in_transaction_session_timeout` for the role of the job, to some seconds.
//! - **etcd was emptied and the database kept.** New fences begin below the stored ones, and all
//!   is refused until the epoch is raised.
//! - **The database fails over and loses commits.** If those of `advance` are among them, a later
//!   fence is forgotten. Use synchronous replication, as for all work that must not be lost.
//!
//! Clusters with different etcd prefixes hand out fences of their own: they need a table each, hence
//! a database each, or a schema on the `search_path`.

mod error;

use sqlx::{Executor, PgExecutor, PgPool, Postgres, Transaction};

pub use self::error::FenceError;
use crate::job::WorkerContext;

/// The table, for those who keep their own migrations. A worker's role needs SELECT, INSERT and
/// UPDATE on it.
pub const FENCES: &str = "\
CREATE TABLE IF NOT EXISTS process_runner_fences (
    job          TEXT NOT NULL,
    worker_index BIGINT NOT NULL,
    fence        BIGINT NOT NULL,
    PRIMARY KEY (job, worker_index)
)";

/// The check as a part of a statement: a query that locks and returns one row if the fence `$3` of
/// the slot (`$1`, `$2`) is the greatest one seen, else none. See the [module](self) for its use.
pub const HELD: &str = "SELECT FROM process_runner_fences \
                        WHERE job = $1 AND worker_index = $2 AND fence = $3 FOR SHARE";

const CHECK: &str =
    "SELECT fence FROM process_runner_fences WHERE job = $1 AND worker_index = $2 FOR SHARE";

/// Waits for the transactions that were checked with the present fence. Answers no row, and changes
/// nothing, unless the new fence is greater.
const ADVANCE: &str = "
INSERT INTO process_runner_fences AS stored (job, worker_index, fence) VALUES ($1, $2, $3)
ON CONFLICT (job, worker_index) DO UPDATE SET fence = EXCLUDED.fence
WHERE stored.fence < EXCLUDED.fence
RETURNING fence";

/// Two sessions that create one table at the same time collide in PostgreSQL's catalogue, so they
/// take turns. The number is arbitrary.
const TAKE_TURNS: &str = "SELECT pg_advisory_xact_lock(7411010)";

/// A transaction that met a change of the fence is begun again, and then sees what it was changed
/// to. Once is enough, unless holdings follow each other within milliseconds.
const ATTEMPTS: u32 = 4;

/// Creates the table of fences where there is none. Call it once at start, from as many nodes as
/// there are.
///
/// # Errors
///
/// The database's; for one, if the role may not create tables. Then run [`FENCES`] as its owner.
///
/// Cancel safe: it is one transaction.
pub async fn create_fences(pool: &PgPool) -> Result<(), sqlx::Error> {
    let mut tx = pool.begin().await?;
    tx.execute(TAKE_TURNS).await?;
    tx.execute(FENCES).await?;
    tx.commit().await
}

/// The fence of one holding of a slot, as PostgreSQL guards it. See the [module](self).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgFence {
    job: String,
    worker_index: u32,
    fence: u64,
}

impl PgFence {
    /// The fence of the holding that this context belongs to.
    pub fn of(cx: &WorkerContext) -> Self {
        Self::new(cx.job(), cx.worker_index(), cx.fence())
    }

    /// A fence by its parts: for tests, and for tools that take part.
    pub fn new(job: impl Into<String>, worker_index: u32, fence: u64) -> Self {
        Self {
            job: job.into(),
            worker_index,
            fence,
        }
    }

    /// The job, to bind as `$1` of [`HELD`].
    pub fn job(&self) -> &str {
        &self.job
    }

    /// The worker index as PostgreSQL stores it, to bind as `$2` of [`HELD`].
    pub fn worker_index(&self) -> i64 {
        i64::from(self.worker_index)
    }

    /// The fence as PostgreSQL stores it, to bind as `$3` of [`HELD`].
    pub fn number(&self) -> i64 {
        // It fits by its construction: the epoch and the revision leave the sign free.
        i64::try_from(self.fence).unwrap_or(i64::MAX)
    }

    /// Makes this the greatest fence that the database has seen for the slot. After it no
    /// transaction of an earlier holding commits.
    ///
    /// To be called before the first work of a holding: in `prepare`, or for a job with
    /// `prepare_ahead`, whose `prepare` runs before the slot is held, in `before_perform`. It waits
    /// while an earlier holding has a checked transaction open.
    ///
    /// # Errors
    ///
    /// [`FenceError::Superseded`] if a later holding was here already, [`FenceError::NotHeld`] if
    /// the slot is not held yet, or the database's error.
    ///
    /// Dropped, it has happened or it has not; repeating it is harmless.
    pub async fn advance(&self, pool: &PgPool) -> Result<(), FenceError> {
        // At a stricter level a concurrent change would be an error instead of an answer.
        let level = "BEGIN ISOLATION LEVEL READ COMMITTED";
        let told = |error| FenceError::from_database(self, error);
        if self.fence == 0 {
            return Err(FenceError::not_held(self));
        }
        let mut tx = pool.begin_with(level).await.map_err(told)?;
        let advanced: Option<i64> = sqlx::query_scalar(ADVANCE)
            .bind(self.job())
            .bind(self.worker_index())
            .bind(self.number())
            .fetch_optional(&mut *tx)
            .await
            .map_err(told)?;
        if advanced.is_none() {
            self.check(&mut *tx).await?;
        }
        tx.commit().await.map_err(told)
    }

    /// Begins a transaction at the database's default level, and checks the fence in it.
    ///
    /// # Errors
    ///
    /// [`FenceError::Superseded`] if the slot was lost, or the database's error.
    ///
    /// Dropped, it leaves no transaction behind.
    pub async fn begin(&self, pool: &PgPool) -> Result<Transaction<'static, Postgres>, FenceError> {
        self.begin_with(pool, "BEGIN").await
    }

    /// As [`begin`](Self::begin), with a statement of one's own, such as
    /// `BEGIN ISOLATION LEVEL SERIALIZABLE`.
    ///
    /// # Errors
    ///
    /// As `begin`, and if the statement begins no transaction.
    pub async fn begin_with(
        &self,
        pool: &PgPool,
        statement: &'static str,
    ) -> Result<Transaction<'static, Postgres>, FenceError> {
        let mut attempt = 1;
        loop {
            let begun = pool.begin_with(statement).await;
            let mut tx = begun.map_err(|error| FenceError::from_database(self, error))?;
            match self.check(&mut *tx).await {
                Ok(()) => return Ok(tx),
                Err(FenceError::Changed { .. }) if attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Checks the fence in a transaction that is begun already, and keeps it until that one ends.
    ///
    /// On a pool it says how things are at this moment and protects nothing: that is for finding out
    /// why a statement with [`HELD`] in it was refused.
    ///
    /// # Errors
    ///
    /// [`FenceError::Superseded`] if the slot was lost; roll back then. [`FenceError::Changed`] if
    /// the fence was advanced since a REPEATABLE READ or SERIALIZABLE transaction began; begin it
    /// again to learn by whom. Else the database's.
    pub async fn check<'e>(&self, db: impl PgExecutor<'e>) -> Result<(), FenceError> {
        let found: Option<i64> = sqlx::query_scalar(CHECK)
            .bind(self.job())
            .bind(self.worker_index())
            .fetch_optional(db)
            .await
            .map_err(|error| FenceError::from_database(self, error))?;
        match found {
            Some(found) if found == self.number() => Ok(()),
            Some(found) if found > self.number() => Err(FenceError::superseded(self, found)),
            _ => Err(FenceError::not_advanced(self)),
        }
    }
}
