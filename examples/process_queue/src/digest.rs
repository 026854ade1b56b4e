//! The work itself: the SHA-256 and the size of one file.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

/// What is stored with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// The checksum, in lower-case hexadecimal.
    pub sha256: String,
    /// The number of bytes that were read.
    pub size: u64,
}

/// Files are read in pieces of this size, so that a large one takes no more memory than a small
/// one, and can be cancelled half-way.
const PIECE: usize = 256 * 1024;

impl Digest {
    /// Reads `path` to its end, and calls `progress` after each piece.
    ///
    /// # Errors
    ///
    /// Those of opening and reading the file.
    ///
    /// Cancel safe: nothing but reading happens.
    pub async fn of_file(path: &Path, progress: impl Fn()) -> io::Result<Self> {
        let mut file = File::open(path).await?;
        let mut hasher = Sha256::new();
        let mut size = 0;
        let mut piece = Vec::with_capacity(PIECE);
        while file.read_buf(&mut piece).await? > 0 {
            hasher.update(&piece);
            size += piece.len() as u64;
            piece.clear();
            progress();
        }
        Ok(Self {
            sha256: hexadecimal(&hasher.finalize()),
            size,
        })
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
