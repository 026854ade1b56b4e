//! The queue: a table of records, in SQLite or in PostgreSQL, behind one type.
//!
//! # Model
//!
//! A record is one file. It is `pending`, then `locked` by one worker index, then `done` with its
//! checksum and size, or `failed` with a reason. A later holder of the index takes over what an
//! earlier one has left locked. The fence that is stored with a record is that of the last write.
//!
//! ```text
//! pending -- lock --> locked (worker 2) -- complete --> done | failed
//!    ^                  |
//!    `---- unlock ------'
//! ```
//!
//! # Guarantees
//!
//! - **One worker per record.** `lock` is one transaction; no two workers get the same record.
//! - **Nothing is forgotten.** What a worker held when it died goes to the next holder of the
//!   same index, first of all.
//! - **Fenced.** A holding begins with `advance`. After it every call of an earlier holder of the
//!   index is refused: in PostgreSQL by the runner's own table of fences, in SQLite by one like it.
//! - **A result and its completion are one write.** There is no record that is done without a
//!   checksum.
//!
//! Both stores pass the same suite, `tests/store.rs`.

mod error;
mod postgres;
mod rows;
mod sqlite;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Mutex;

pub use error::StoreError;

use crate::digest::Digest;
use crate::tree;
use postgres::PostgresStore;
use sqlite::SqliteStore;

/// The queue of every job of this node. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    table: Table,
    filled: Arc<Mutex<HashSet<(String, PathBuf)>>>,
}

#[derive(Clone)]
enum Table {
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
}

/// Who locks: a worker index of a job, in one holding of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder<'a> {
    /// The job, which is also the name of its queue.
    pub job: &'a str,
    /// The worker's index.
    pub worker: u32,
    /// The fence of this holding, greater for every later one.
    pub fence: u64,
}

/// A record that the caller has locked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueRecord {
    /// The record's key.
    pub id: i64,
    /// The file.
    pub path: PathBuf,
}

/// How a record ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The record's key.
    pub id: i64,
    /// What was found, or why there is nothing.
    pub result: Result<Digest, String>,
}

/// How far a queue, or all of them, has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Records that wait.
    pub pending: u64,
    /// Records that a worker holds.
    pub locked: u64,
    /// Records with a result.
    pub done: u64,
    /// Records that could not be processed.
    pub failed: u64,
    /// The bytes of the files that are done.
    pub bytes: u64,
}

impl Store {
    /// Opens the store that `DATABASE_URL` names: `postgres://…`, or `sqlite:PATH`, or without the
    /// variable the file `process_queue.db` in the current directory.
    ///
    /// # Errors
    ///
    /// If the variable names neither, or the database does not open.
    pub async fn from_env() -> Result<Self, StoreError> {
        match std::env::var("DATABASE_URL") {
            Ok(url) if !url.is_empty() => Self::open(&url).await,
            _ => Self::open("sqlite:process_queue.db").await,
        }
    }

    /// Opens the store at `url` and creates what is missing.
    ///
    /// # Errors
    ///
    /// If `url` is neither PostgreSQL nor SQLite, or the database does not open.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let table = if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Table::Postgres(PostgresStore::open(url).await?)
        } else if let Some(path) = url.strip_prefix("sqlite:") {
            let path = Path::new(path.strip_prefix("//").unwrap_or(path));
            Table::Sqlite(SqliteStore::open(path).await?)
        } else {
            return Err(StoreError::UnknownUrl);
        };
        Ok(Self {
            table,
            filled: Arc::default(),
        })
    }

    /// Fills the queue `job` with the regular files below `source`, once in the life of this
    /// process: the first worker does it, the others wait for it here.
    ///
    /// Files that the queue knows already are left as they are, so a second start adds only what
    /// is missing. A directory that cannot be read becomes a failed record of its own.
    ///
    /// # Errors
    ///
    /// If `source` cannot be listed at all, or the store fails. The next caller tries again.
    ///
    /// Cancel safe: the records come in one transaction.
    pub async fn fill_once(&self, job: &str, source: &Path) -> Result<u64, StoreError> {
        let key = (job.to_owned(), source.to_owned());
        let mut filled = self.filled.lock().await;
        if filled.contains(&key) {
            return Ok(0);
        }
        let found = tree::list(source).await.map_err(StoreError::Source)?;
        let added = match &self.table {
            Table::Sqlite(store) => store.fill(job, &found).await?,
            Table::Postgres(store) => store.fill(job, &found).await?,
        };
        filled.insert(key);
        Ok(added)
    }

    /// Begins a holding: from now on every call of an earlier holder of the index is refused.
    ///
    /// # Errors
    ///
    /// [`StoreError::Superseded`] if a later holder was here already, or the database's error.
    ///
    /// Dropped, it has happened or not; repeating it is harmless.
    pub async fn advance(&self, holder: Holder<'_>) -> Result<(), StoreError> {
        match &self.table {
            Table::Sqlite(store) => store.advance(holder).await,
            Table::Postgres(store) => store.advance(holder).await,
        }
    }

    /// Locks up to `limit` records: first what the holder or an earlier one of the same index has
    /// locked already, then pending ones.
    ///
    /// # Errors
    ///
    /// [`StoreError::Superseded`] if a later holder was here already, or the database's error.
    pub async fn lock(
        &self,
        holder: Holder<'_>,
        limit: u32,
    ) -> Result<Vec<QueueRecord>, StoreError> {
        match &self.table {
            Table::Sqlite(store) => store.lock(holder, limit).await,
            Table::Postgres(store) => store.lock(holder, limit).await,
        }
    }

    /// Stores how records ended, all in one transaction, and answers how many of them the holder
    /// had locked. The others are left alone.
    ///
    /// # Errors
    ///
    /// [`StoreError::Superseded`] if a later holder was here already, or the database's error.
    pub async fn complete(
        &self,
        holder: Holder<'_>,
        outcomes: &[Outcome],
    ) -> Result<u64, StoreError> {
        if outcomes.is_empty() {
            return Ok(0);
        }
        match &self.table {
            Table::Sqlite(store) => store.complete(holder, outcomes).await,
            Table::Postgres(store) => store.complete(holder, outcomes).await,
        }
    }

    /// Makes every record pending again that this holder, or an earlier one of the same index,
    /// has locked.
    ///
    /// # Errors
    ///
    /// [`StoreError::Superseded`] if a later holder was here already, or the database's error.
    pub async fn unlock(&self, holder: Holder<'_>) -> Result<u64, StoreError> {
        match &self.table {
            Table::Sqlite(store) => store.unlock(holder).await,
            Table::Postgres(store) => store.unlock(holder).await,
        }
    }

    /// Counts the records of all queues.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn progress(&self) -> Result<Progress, StoreError> {
        match &self.table {
            Table::Sqlite(store) => store.progress().await,
            Table::Postgres(store) => store.progress().await,
        }
    }

    /// Every record that is done or failed, by path.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn finished(&self) -> Result<Vec<(PathBuf, Result<Digest, String>)>, StoreError> {
        match &self.table {
            Table::Sqlite(store) => store.finished().await,
            Table::Postgres(store) => store.finished().await,
        }
    }
}
