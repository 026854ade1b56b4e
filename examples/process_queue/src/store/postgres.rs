//! The queue in PostgreSQL: for any number of machines.
//!
//! Workers take their batches with `FOR UPDATE SKIP LOCKED`, so nobody waits for a row that
//! another worker is just taking. Each call is one statement and one round trip, whatever the batch
//! size: lists travel as arrays, and the check of the fence is a part of the work
//! ([`process_runner::postgres`]). So no transaction is ever open while a worker thinks, or is
//! stopped by somebody, and no successor waits for one.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::str::FromStr;

use process_runner::postgres::{HELD, PgFence, create_fences};
use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use super::rows::{FinishedRow, finished_row};
use super::{Holder, Outcome, Progress, QueueRecord, StoreError};
use crate::digest::Digest;
use crate::tree::Found;

/// Two sessions that create one table at the same time collide in PostgreSQL's catalogue, so they
/// take turns. The number is arbitrary.
const SCHEMA: &str = "
SELECT pg_advisory_xact_lock(7411009);
CREATE TABLE IF NOT EXISTS records (
    id     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job    TEXT NOT NULL,
    path   BYTEA NOT NULL,
    state  TEXT NOT NULL DEFAULT 'pending',
    worker BIGINT,
    fence  BIGINT,
    sha256 TEXT,
    size   BIGINT,
    error  TEXT,
    UNIQUE (job, path),
    CHECK ((state = 'done') = (sha256 IS NOT NULL))
);
CREATE INDEX IF NOT EXISTS records_pending ON records (job, id) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS records_locked ON records (job, worker) WHERE state = 'locked';
";

/// A call that is dropped between two of its messages leaves its statement unfinished, and the server
/// holds its locks until the connection goes: the next holder of the index would wait for them. No
/// call of ours pauses within a transaction, so whoever does is gone.
const IDLE_IN_TRANSACTION: (&str, &str) = ("idle_in_transaction_session_timeout", "2s");

const FILL: &str = "
INSERT INTO records (job, path, state, error)
SELECT $1, f.path, CASE WHEN f.error IS NULL THEN 'pending' ELSE 'failed' END, f.error
FROM UNNEST($2::bytea[], $3::text[]) AS f (path, error)
ON CONFLICT (job, path) DO NOTHING";

// Each of the three begins with `WITH held AS (HELD)`, changes nothing unless it is held, and
// answers no row then. `$1` to `$3` are the job, the worker index and the fence.

const LOCK: &str = "
, left_over AS (
    SELECT id FROM records
    WHERE job = $1 AND state = 'locked' AND worker = $2
    LIMIT $4 FOR UPDATE SKIP LOCKED
), fresh AS (
    SELECT id FROM records WHERE job = $1 AND state = 'pending' ORDER BY id
    LIMIT $4 - (SELECT count(*) FROM left_over) FOR UPDATE SKIP LOCKED
)
UPDATE records SET state = 'locked', worker = $2, fence = $3
FROM held, (SELECT id FROM left_over UNION ALL SELECT id FROM fresh) AS batch
WHERE records.id = batch.id
RETURNING records.id, records.path";

const COMPLETE: &str = "
, work AS (
    UPDATE records SET
        state = CASE WHEN o.error IS NULL THEN 'done' ELSE 'failed' END,
        sha256 = o.sha256, size = o.size, error = o.error, fence = $3
    FROM held, UNNEST($4::bigint[], $5::text[], $6::bigint[], $7::text[])
        AS o (id, sha256, size, error)
    WHERE records.id = o.id AND records.state = 'locked'
      AND records.job = $1 AND records.worker = $2
    RETURNING 1)
SELECT (SELECT count(*) FROM work) FROM held";

const UNLOCK: &str = "
, work AS (
    UPDATE records SET state = 'pending', worker = NULL, fence = NULL FROM held
    WHERE job = $1 AND state = 'locked' AND worker = $2
    RETURNING 1)
SELECT (SELECT count(*) FROM work) FROM held";

#[derive(Clone)]
pub(super) struct PostgresStore {
    pool: PgPool,
}

impl PostgresStore {
    pub(super) async fn open(url: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)?.options([IDLE_IN_TRANSACTION]);
        let pool = PgPoolOptions::new().connect_with(options).await?;
        create_fences(&pool).await?;
        let mut tx = pool.begin().await?;
        sqlx::raw_sql(SCHEMA).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(Self { pool })
    }

    pub(super) async fn fill(&self, job: &str, found: &[Found]) -> Result<u64, StoreError> {
        let mut added = 0;
        let mut tx = self.pool.begin().await?;
        for some in found.chunks(10_000) {
            let paths: Vec<&[u8]> = some.iter().map(|f| f.path.as_os_str().as_bytes()).collect();
            let errors: Vec<Option<&str>> = some.iter().map(|f| f.error.as_deref()).collect();
            let result = sqlx::query(FILL)
                .bind(job)
                .bind(paths)
                .bind(errors)
                .execute(&mut *tx)
                .await?;
            added += result.rows_affected();
        }
        tx.commit().await?;
        Ok(added)
    }

    pub(super) async fn advance(&self, holder: Holder<'_>) -> Result<(), StoreError> {
        Ok(fence(holder).advance(&self.pool).await?)
    }

    pub(super) async fn lock(
        &self,
        holder: Holder<'_>,
        limit: u32,
    ) -> Result<Vec<QueueRecord>, StoreError> {
        let fence = fence(holder);
        let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(if_held(LOCK))
            .bind(fence.job())
            .bind(fence.worker_index())
            .bind(fence.number())
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        if rows.is_empty() {
            // There is no work, or the fence is not held.
            fence.check(&self.pool).await?;
        }
        Ok(rows.into_iter().map(QueueRecord::from).collect())
    }

    pub(super) async fn complete(
        &self,
        holder: Holder<'_>,
        outcomes: &[Outcome],
    ) -> Result<u64, StoreError> {
        let digests = || outcomes.iter().map(|o| o.result.as_ref().ok());
        let ids: Vec<i64> = outcomes.iter().map(|o| o.id).collect();
        let sums: Vec<_> = digests().map(|d| Some(d?.sha256.as_str())).collect();
        let sizes: Vec<_> = digests().map(|d| Some(d?.size as i64)).collect();
        let errors: Vec<_> = outcomes.iter().map(|o| o.result.as_ref().err()).collect();
        let fence = fence(holder);
        let changed = sqlx::query_scalar(if_held(COMPLETE))
            .bind(fence.job())
            .bind(fence.worker_index())
            .bind(fence.number())
            .bind(ids)
            .bind(sums)
            .bind(sizes)
            .bind(errors)
            .fetch_optional(&self.pool)
            .await?;
        self.held(&fence, changed).await
    }

    pub(super) async fn unlock(&self, holder: Holder<'_>) -> Result<u64, StoreError> {
        let fence = fence(holder);
        let changed = sqlx::query_scalar(if_held(UNLOCK))
            .bind(fence.job())
            .bind(fence.worker_index())
            .bind(fence.number())
            .fetch_optional(&self.pool)
            .await?;
        self.held(&fence, changed).await
    }

    /// How many records a statement changed; without an answer the fence was not held, and the
    /// check says why.
    async fn held(&self, fence: &PgFence, changed: Option<i64>) -> Result<u64, StoreError> {
        if changed.is_none() {
            fence.check(&self.pool).await?;
        }
        Ok(changed.unwrap_or_default() as u64)
    }

    pub(super) async fn progress(&self) -> Result<Progress, StoreError> {
        let rows: Vec<(String, i64, i64)> = sqlx::query_as(
            "SELECT state, count(*), coalesce(sum(size), 0)::bigint FROM records GROUP BY state",
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

fn fence(holder: Holder<'_>) -> PgFence {
    PgFence::new(holder.job, holder.worker, holder.fence)
}

/// The statement that does `work` only if the fence is held.
fn if_held(work: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("WITH held AS ({HELD}){work}"))
}
