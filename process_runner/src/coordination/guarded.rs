//! A leader's transactions: each holds only while its term lasts, and is repeated until it is settled.
//!
//! ```text
//! when create_revision(leader) == term
//! then txn { when <what this part rests on> then <puts> else <reads> }, one for each part
//! else get posts/
//! ```
//!
//! # Guarantees
//!
//! - A deposed leader writes nothing: the comparison of the term is in the transaction itself.
//! - Each part is judged by itself, so that one node that changed does not hold up a hundred others;
//!   a part takes place in whole or not at all.
//! - An outcome that nobody knows is settled by repeating the identical transaction. The parts
//!   compare what they themselves change for good, so of several copies one takes place, however late
//!   the others arrive.
//!
//! # How it fails
//!
//! [`Guarded::Deposed`] ends the term. An error says that etcd refused for good, or that our lease is
//! gone; while etcd does not answer, the repetition goes on.

use std::time::Duration;

use etcd_client::{Compare, CompareOp, GetResponse, Txn, TxnOp, TxnOpResponse, TxnResponse};

use super::etcd::CALL_TIMEOUT;
use super::keys::Range;
use super::{CallError, Session};
use crate::model::Backoff;
use crate::model::leading::Sighting;

const REPEAT: Backoff = Backoff {
    min: Duration::from_millis(20),
    max: Duration::from_secs(1),
};

/// What became of a leader's transaction.
#[derive(Debug)]
pub(crate) enum Guarded<T> {
    /// The term holds, and this is how each part went.
    Done(T),
    /// The term is over. This is who holds the posts.
    Deposed([Sighting; 2]),
}

/// What became of one part.
pub(super) enum Part {
    /// It took place in this revision.
    Done { revision: i64 },
    /// It did not; these are its reads.
    Refused { reads: Vec<GetResponse> },
}

impl Session {
    /// Sends `txn`, and repeats it identically until its outcome is known.
    ///
    /// Dropped, its outcome is unknown.
    pub(super) async fn settle(&self, txn: Txn) -> Result<TxnResponse, CallError> {
        let mut attempt = 0;
        loop {
            match self.etcd.txn_within(CALL_TIMEOUT, &txn).await {
                Err(error @ (CallError::Unknown(_) | CallError::NotDone(_))) => {
                    attempt += 1;
                    tracing::debug!(attempt, %error, "repeating a transaction");
                    tokio::time::sleep(REPEAT.delay(attempt, fastrand::f64())).await;
                }
                settled => return settled,
            }
        }
    }

    /// Reads a range, again and again while etcd does not answer. Cancel safe.
    pub(super) async fn read(&self, range: &Range) -> Result<GetResponse, CallError> {
        let mut attempt = 0;
        loop {
            match self.etcd.range(range).await {
                Err(
                    error @ (CallError::Unknown(_)
                    | CallError::NotDone(_)
                    | CallError::Older { .. }),
                ) => {
                    attempt += 1;
                    tracing::debug!(attempt, %error, "reading again");
                    tokio::time::sleep(REPEAT.delay(attempt, fastrand::f64())).await;
                }
                settled => return settled,
            }
        }
    }

    /// Carries out `parts` while the term lasts.
    ///
    /// Dropped, the outcome is unknown.
    pub(super) async fn guarded(
        &self,
        term: i64,
        parts: Vec<TxnOp>,
    ) -> Result<Guarded<Vec<Part>>, CallError> {
        let leads = Compare::create_revision(self.keys.leader(), CompareOp::Equal, term);
        let txn = Txn::new()
            .when([leads])
            .and_then(parts)
            .or_else([self.keys.posts().read()]);
        let reply = self.settle(txn).await?;
        if reply.succeeded() {
            Ok(Guarded::Done(judged(reply)))
        } else {
            Ok(Guarded::Deposed(self.posts_in(&reply)))
        }
    }
}

/// A part of a guarded transaction.
pub(super) fn part(when: Vec<Compare>, then: Vec<TxnOp>, or_else: Vec<TxnOp>) -> TxnOp {
    TxnOp::txn(Txn::new().when(when).and_then(then).or_else(or_else))
}

/// What became of the parts of a transaction.
pub(super) fn judged(reply: TxnResponse) -> Vec<Part> {
    let revision = reply.header().map_or(0, |header| header.revision());
    let parts = reply.op_responses().into_iter();
    parts.map(|part| judge(part, revision)).collect()
}

fn judge(response: TxnOpResponse, revision: i64) -> Part {
    match response {
        TxnOpResponse::Txn(txn) if !txn.succeeded() => Part::Refused { reads: reads(&txn) },
        _ => Part::Done { revision },
    }
}

/// The answers to the reads of a transaction, in their order.
pub(super) fn reads(reply: &TxnResponse) -> Vec<GetResponse> {
    let responses = reply.op_responses().into_iter();
    responses
        .filter_map(|response| match response {
            TxnOpResponse::Get(get) => Some(get),
            _ => None,
        })
        .collect()
}
