//! The queue in PostgreSQL: for any number of machines.
//!
//! Workers take their batches with `FOR UPDATE SKIP LOCKED`, so nobody waits for a row that
//! another worker is just taking. Each call is one or two round trips, whatever the batch size:
//! lists travel as arrays.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use sqlx::postgres::{PgPool, PgPoolOptions};

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
CREATE TABLE IF NOT EXISTS holders (
    job    TEXT NOT NULL,
    worker BIGINT NOT NULL,
    fence  BIGINT NOT NULL,
    PRIMARY KEY (job, worker)
);
";

const FILL: &str = "
INSERT INTO records (job, path, state, error)
SELECT $1, f.path, CASE WHEN f.error IS NULL THEN 'pending' ELSE 'failed' END, f.error
FROM UNNEST($2::bytea[], $3::text[]) AS f (path, error)
ON CONFLICT (job, path) DO NOTHING";

/// Refuses, by changing no row, a fence below the highest one seen. The row stays locked until the
/// transaction ends, so a holder and its successor take turns here.
const HOLD: &str = "
INSERT INTO holders (job, worker, fence) VALUES ($1, $2, $3)
ON CONFLICT (job, worker) DO UPDATE SET fence = excluded.fence
WHERE holders.fence <= excluded.fence";

const LOCK: &str = "
WITH left_over AS (
    SELECT id FROM records
    WHERE job = $1 AND state = 'locked' AND worker = $2 AND fence <= $3
    LIMIT $4 FOR UPDATE SKIP LOCKED
), fresh AS (
    SELECT id FROM records WHERE job = $1 AND state = 'pending' ORDER BY id
    LIMIT $4 - (SELECT count(*) FROM left_over) FOR UPDATE SKIP LOCKED
)
UPDATE records SET state = 'locked', worker = $2, fence = $3
FROM (SELECT id FROM left_over UNION ALL SELECT id FROM fresh) AS batch
WHERE records.id = batch.id
RETURNING records.id, records.path";

const COMPLETE: &str = "
UPDATE records SET
    state = CASE WHEN o.error IS NULL THEN 'done' ELSE 'failed' END,
    sha256 = o.sha256, size = o.size, error = o.error
FROM UNNEST($4::bigint[], $5::text[], $6::bigint[], $7::text[]) AS o (id, sha256, size, error)
WHERE records.id = o.id AND records.state = 'locked'
  AND records.job = $1 AND records.worker = $2 AND records.fence = $3";

const UNLOCK: &str = "
UPDATE records SET state = 'pending', worker = NULL, fence = NULL
WHERE job = $1 AND state = 'locked' AND worker = $2 AND fence <= $3";

#[derive(Clone)]
pub(super) struct PostgresStore {
    pool: PgPool,
}

impl PostgresStore {
    pub(super) async fn open(url: &str) -> Result<Self, StoreError> {
        let pool = PgPoolOptions::new().connect(url).await?;
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

    pub(super) async fn lock(
        &self,
        holder: Holder<'_>,
        limit: u32,
    ) -> Result<Vec<QueueRecord>, StoreError> {
        let mut tx = self.pool.begin().await?;
        let held = sqlx::query(HOLD)
            .bind(holder.job)
            .bind(i64::from(holder.worker))
            .bind(holder.fence as i64)
            .execute(&mut *tx)
            .await?;
        if held.rows_affected() == 0 {
            return Err(StoreError::superseded(holder));
        }
        let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(LOCK)
            .bind(holder.job)
            .bind(i64::from(holder.worker))
            .bind(holder.fence as i64)
            .bind(i64::from(limit))
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
        let digests = || outcomes.iter().map(|o| o.result.as_ref().ok());
        let ids: Vec<i64> = outcomes.iter().map(|o| o.id).collect();
        let sums: Vec<_> = digests().map(|d| Some(d?.sha256.as_str())).collect();
        let sizes: Vec<_> = digests().map(|d| Some(d?.size as i64)).collect();
        let errors: Vec<_> = outcomes.iter().map(|o| o.result.as_ref().err()).collect();
        let result = sqlx::query(COMPLETE)
            .bind(holder.job)
            .bind(i64::from(holder.worker))
            .bind(holder.fence as i64)
            .bind(ids)
            .bind(sums)
            .bind(sizes)
            .bind(errors)
            .execute(&self.pool)
            .await?;
        Ok(result.rows_affected())
    }

    pub(super) async fn unlock(&self, holder: Holder<'_>) -> Result<u64, StoreError> {
        let result = sqlx::query(UNLOCK)
            .bind(holder.job)
            .bind(i64::from(holder.worker))
            .bind(holder.fence as i64)
            .execute(&self.pool)
            .await?;
        Ok(result.rows_affected())
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
