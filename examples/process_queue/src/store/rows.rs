//! From rows to values: what the two stores read alike.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use super::{Progress, QueueRecord};
use crate::digest::Digest;

/// `path, sha256, size, error` of a record that is done or failed.
pub(super) type FinishedRow = (Vec<u8>, Option<String>, Option<i64>, Option<String>);

pub(super) fn finished_row(
    (path, sha256, size, error): FinishedRow,
) -> (PathBuf, Result<Digest, String>) {
    let result = match sha256 {
        Some(sha256) => Ok(Digest {
            sha256,
            size: size.unwrap_or_default() as u64,
        }),
        None => Err(error.unwrap_or_default()),
    };
    (path_of(path), result)
}

/// File names are bytes, and need not be text.
fn path_of(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}

impl From<(i64, Vec<u8>)> for QueueRecord {
    fn from((id, path): (i64, Vec<u8>)) -> Self {
        Self {
            id,
            path: path_of(path),
        }
    }
}

impl Progress {
    /// From `state, count, sum(size)`. A state that is not listed has no record.
    pub(super) fn from_rows(rows: Vec<(String, i64, i64)>) -> Self {
        let mut progress = Self::default();
        for (state, count, bytes) in rows {
            let count = count as u64;
            match state.as_str() {
                "pending" => progress.pending = count,
                "locked" => progress.locked = count,
                "failed" => progress.failed = count,
                _ => (progress.done, progress.bytes) = (count, bytes as u64),
            }
        }
        progress
    }
}
