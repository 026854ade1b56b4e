//! The newest revision of the store that was seen, and answers that are older.
//!
//! A revision that anybody was told of is committed, so whatever is asked later is answered at that revision
//! or at a newer one. An answer of an older one has two explanations:
//!
//! | why | what to do |
//! |---|---|
//! | the store was set up from a backup: fences that were given out are given out again | end the session |
//! | a member that stood still answers a read with what was (etcd#20418) | ask again |
//!
//! What goes through raft cannot be answered by a member that stands behind. So the barrier tells the two
//! apart, and it is asked for at once.
//!
//! # Guarantees
//!
//! - Nobody builds on an older answer: each call that is promised the present state fails with
//!   [`CallError::Older`] instead. That includes the reads that a watch is resumed from.
//! - So of a store that went back, a node takes in nothing between its first answer and the end of the session.
//!
//! # How it fails
//!
//! A node knows the revisions that it was told of. If the store went back to one that is newer than those,
//! or has overtaken them before its first answer, it is not recognised.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use etcd_client::{DeleteResponse, GetResponse, ResponseHeader, TxnResponse};
use tokio::sync::Notify;

use super::CallError;

/// The newest revision of a store. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Newest(Arc<Seen>);

#[derive(Debug, Default)]
struct Seen {
    revision: AtomicI64,
    doubt: Notify,
}

/// An answer that is promised to show the present state.
pub(super) trait Present {
    fn header(&self) -> Option<&ResponseHeader>;

    /// At which revision it was given.
    fn revision(&self) -> i64 {
        self.header().map_or(0, ResponseHeader::revision)
    }
}

impl Present for TxnResponse {
    fn header(&self) -> Option<&ResponseHeader> {
        self.header()
    }
}

impl Present for GetResponse {
    fn header(&self) -> Option<&ResponseHeader> {
        self.header()
    }
}

impl Present for DeleteResponse {
    fn header(&self) -> Option<&ResponseHeader> {
        self.header()
    }
}

impl Newest {
    /// The newest that was seen, 0 if there is none. What is asked after this is answered no earlier.
    pub(super) fn revision(&self) -> i64 {
        self.0.revision.load(Ordering::Acquire)
    }

    /// Takes in that `revision` was seen.
    pub(super) fn saw(&self, revision: i64) {
        self.0.revision.fetch_max(revision, Ordering::AcqRel);
    }

    /// Takes in an answer to what was asked when `before` was the newest.
    pub(super) fn admit(&self, before: i64, revision: i64) -> Result<(), CallError> {
        if revision < before {
            // Kept for whoever listens next, if nobody does.
            self.0.doubt.notify_one();
            return Err(CallError::Older {
                seen: before,
                answered: revision,
            });
        }
        self.saw(revision);
        Ok(())
    }

    /// Begins anew with a store that was accepted, and may have counted anew.
    pub(super) fn restart_at(&self, revision: i64) {
        self.0.revision.store(revision, Ordering::Release);
    }

    /// Completes when an answer was older. Cancel safe; one listener at a time.
    pub(super) async fn doubted(&self) {
        self.0.doubt.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_is_never_older_than_what_was_seen_before_it_was_asked_for() {
        let newest = Newest::default();
        assert_eq!(newest.admit(newest.revision(), 7), Ok(()));
        let before = newest.revision();
        // Two calls at once: the one that was carried out first may be answered last.
        assert_eq!(newest.admit(before, 9), Ok(()));
        assert_eq!(newest.admit(before, 8), Ok(()));
        assert_eq!(newest.revision(), 9);
        // What a watch told counts as well.
        newest.saw(20);
        let older = CallError::Older {
            seen: 20,
            answered: 19,
        };
        assert_eq!(newest.admit(newest.revision(), 19), Err(older));
        newest.doubted().await;
        newest.restart_at(2);
        assert_eq!(newest.admit(newest.revision(), 3), Ok(()));
        assert_eq!(newest.revision(), 3);
    }
}
