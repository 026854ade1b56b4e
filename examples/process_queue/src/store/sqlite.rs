//! The queue in one SQLite file: for one machine, with nothing to install.
//!
//! SQLite has one writer at a time. So each process keeps one connection, and its workers queue
//! for it in order, instead of polling for the file's lock; only other processes are met there.
//! In WAL mode with `synchronous = FULL` a commit is on disk when it returns. It costs one sync of
//! the log, which is why results are written many at a time.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite, SqliteConnection, Transaction};

use super::rows::{FinishedRow, finished_row};
use super::{Holder, Outcome, Progress, QueueRecord, StoreError};
use crate::digest::Digest;
use crate::tree::Found;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS records (
    id     INTEGER PRIMARY KEY,
    job    TEXT NOT NULL,
    path   BLOB NOT NULL,
    state  TEXT NOT NULL DEFAULT 'pending',
    worker INTEGER,
    fence  INTEGER,
    sha256 TEXT,
    size   INTEGER,
    error  TEXT,
    UNIQUE (job, path),
    CHECK ((state = 'done') = (sha256 IS NOT NULL))
);
CREATE INDEX IF NOT EXISTS records_pending ON records (job, id) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS records_locked ON records (job, worker) WHERE state = 'locked';
CREATE TABLE IF NOT EXISTS holders (
    job    TEXT NOT NULL,
    worker INTEGER NOT NULL,
    fence  INTEGER NOT NULL,
    PRIMARY KEY (job, worker)
) WITHOUT ROWID;
";

const FILL: &str = "
INSERT INTO records (job, path, state, error) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (job, path) DO NOTHING";

/// Changes no row that has seen a greater fence.
const ADVANCE: &str = "
INSERT INTO holders (job, worker, fence) VALUES (?1, ?2, ?3)
ON CONFLICT (job, worker) DO UPDATE SET fence = excluded.fence WHERE fence <= excluded.fence";

const FENCE: &str = "SELECT fence FROM holders WHERE job = ?1 AND worker = ?2";

const LOCK: &str = "
UPDATE records SET state = 'locked', worker = ?2, fence = ?3
WHERE id IN (
    SELECT id FROM (SELECT id FROM records
        WHERE job = ?1 AND state = 'locked' AND worker = ?2 LIMIT ?4)
    UNION ALL
    SELECT id FROM (SELECT id FROM records
        WHERE job = ?1 AND state = 'pending' ORDER BY id LIMIT ?4)
    LIMIT ?4)
RETURNING id, path";

const COMPLETE: &str = "
UPDATE records SET state = ?5, sha256 = ?6, size = ?7, error = ?8, fence = ?3
WHERE id = ?4 AND state = 'locked' AND job = ?1 AND worker = ?2";

const UNLOCK: &str = "
UPDATE records SET state = 'pending', worker = NULL, fence = NULL
WHERE job = ?1 AND state = 'locked' AND worker = ?2";

#[derive(Clone)]
pub(super) struct SqliteStore {
    pool: SqlitePool,
}

impl SqliteStore {
    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(30));
        let pool = connect(options).await?;
        if !is_laid_out(&pool).await? {
            let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
            sqlx::raw_sql(SCHEMA).execute(&mut *tx).await?;
            tx.commit().await?;
        }
        Ok(Self { pool })
    }

    pub(super) async fn fill(&self, job: &str, found: &[Found]) -> Result<u64, StoreError> {
        let mut added = 0;
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        for found in found {
            let result = sqlx::query(FILL)
                .bind(job)
                .bind(found.path.as_os_str().as_bytes())
                .bind(if found.error.is_none() {
                    "pending"
                } else {
                    "failed"
                })
                .bind(found.error.as_deref())
                .execute(&mut *tx)
                .await?;
            added += result.rows_affected();
        }
        tx.commit().await?;
        Ok(added)
    }

    pub(super) async fn advance(&self, holder: Holder<'_>) -> Result<(), StoreError> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query(ADVANCE)
            .bind(holder.job)
            .bind(holder.worker)
            .bind(holder.fence as i64)
            .execute(&mut *tx)
            .await?;
        check(&mut tx, holder).await?;
        Ok(tx.commit().await?)
    }

    /// A transaction that no later holder was before. There is one writer at a time, so none can
    /// come while it runs.
    async fn begin(&self, holder: Holder<'_>) -> Result<Transaction<'static, Sqlite>, StoreError> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        check(&mut tx, holder).await?;
        Ok(tx)
    }

    pub(super) async fn lock(
        &self,
        holder: Holder<'_>,
        limit: u32,
    ) -> Result<Vec<QueueRecord>, StoreError> {
        let mut tx = self.begin(holder).await?;
        let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(LOCK)
            .bind(holder.job)
            .bind(holder.worker)
            .bind(holder.fence as i64)
            .bind(limit)
            .fetch_all(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(rows.into_iter().map(QueueRecord::from).collect())
    }

    pub(super) async fn complete(
        &self,
        holder: Holder<'_>,
        outcomes: &[Outcome],
    ) -> Result<u64, StoreError> {
        let mut ours = 0;
        let mut tx = self.begin(holder).await?;
        for outcome in outcomes {
            let digest = outcome.result.as_ref().ok();
            let result = sqlx::query(COMPLETE)
                .bind(holder.job)
                .bind(holder.worker)
                .bind(holder.fence as i64)
                .bind(outcome.id)
                .bind(if digest.is_some() { "done" } else { "failed" })
                .bind(digest.map(|d| d.sha256.as_str()))
                .bind(digest.map(|d| d.size as i64))
                .bind(outcome.result.as_ref().err().map(String::as_str))
                .execute(&mut *tx)
                .await?;
            ours += result.rows_affected();
        }
        tx.commit().await?;
        Ok(ours)
    }

    pub(super) async fn unlock(&self, holder: Holder<'_>) -> Result<u64, StoreError> {
        let mut tx = self.begin(holder).await?;
        let result = sqlx::query(UNLOCK)
            .bind(holder.job)
            .bind(holder.worker)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(result.rows_affected())
    }

    pub(super) async fn progress(&self) -> Result<Progress, StoreError> {
        let rows: Vec<(String, i64, i64)> = sqlx::query_as(
            "SELECT state, count(*), coalesce(sum(size), 0) FROM records GROUP BY state",
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(Progress::from_rows(rows))
    }

    pub(super) async fn finished(
        &self,
    ) -> Result<Vec<(PathBuf, Result<Digest, String>)>, StoreError> {
        let rows: Vec<FinishedRow> = sqlx::query_as(
            "SELECT path, sha256, size, error FROM records
             WHERE state IN ('done', 'failed') ORDER BY path",
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(finished_row).collect())
    }
}

/// Refuses a holder if a later one was here already.
async fn check(db: &mut SqliteConnection, holder: Holder<'_>) -> Result<(), StoreError> {
    let found: Option<i64> = sqlx::query_scalar(FENCE)
        .bind(holder.job)
        .bind(holder.worker)
        .fetch_optional(db)
        .await?;
    match found {
        Some(found) if found as u64 > holder.fence => {
            Err(StoreError::superseded(holder, found as u64))
        }
        _ => Ok(()),
    }
}

/// The switch to WAL is the one step for which SQLite does not wait: of several processes that
/// open a new file at the same moment, some are told "busy" and ask again.
async fn connect(options: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    const ATTEMPTS: u32 = 100;
    for _ in 1..ATTEMPTS {
        match pool(options.clone()).await {
            Err(error) if is_busy(&error) => tokio::time::sleep(Duration::from_millis(20)).await,
            settled => return settled,
        }
    }
    pool(options).await
}

/// So that whoever only reads waits for no writer. The table that is made last tells.
async fn is_laid_out(pool: &SqlitePool) -> Result<bool, sqlx::Error> {
    let last = sqlx::query("SELECT 1 FROM sqlite_master WHERE name = 'holders'");
    Ok(last.fetch_optional(pool).await?.is_some())
}

async fn pool(options: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options)
        .await
}

/// The primary code SQLITE_BUSY is in the low byte of the extended one.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|e| e.code());
    code.and_then(|code| code.parse::<u32>().ok())
        .is_some_and(|code| code & 0xff == 5)
}
