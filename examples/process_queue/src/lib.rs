//! The main example: a table as a queue, drained by workers on any number of nodes.
//!
//! A record is a file; processing it computes its SHA-256 and its size and stores both with the
//! record. The queue is a table in SQLite, or in PostgreSQL if `DATABASE_URL` says so, and is
//! filled from a tree of files when the job starts.
//!
//! ```text
//! prepare          fill the queue with what is missing    (once per process)
//! lock_records     lock a batch: one transaction
//! process_record   hash one file, remember the result     (results are written 64 at a time)
//! unlock_records   write the results, release the rest
//! quarantine       remember the reason instead of a result
//! ```
//!
//! # How it fails
//!
//! - **A file cannot be read.** Its record is marked failed, with the reason; the others go on.
//! - **The database is away.** No record is blamed: the worker repeats until it answers.
//! - **The process dies.** Results not yet written are lost, and their records are still locked,
//!   so the next holder of the worker index does them again: at least once.
//! - **The slot is lost.** Every write carries the fence of this holding, so a late one changes
//!   nothing that the next holder has taken over.

pub mod digest;
pub mod store;
pub mod sums;
pub mod tree;
