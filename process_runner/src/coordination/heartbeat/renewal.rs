//! One renewal: the acknowledgement, its proof, and a second attempt beside a first one that is late.
//!
//! ```text
//! first    member b   |--- waits for a leader that is gone --------x  given up after 2 s
//! second   member c                 |--- acknowledged, proven         counts
//!                     0            1 s, a tenth of the ttl
//! ```
//!
//! # Why a second attempt
//!
//! After trouble an attempt is patient, because etcd may be slow. But when etcd's leader is lost, a member
//! that does not miss it yet hands the renewal on to it, and then says nothing for seven seconds, however
//! soon the others elect. So when an answer is late the next member is asked as well, and the first goes on:
//! a slow etcd gets all the time that there is.
//!
//! # Guarantees
//!
//! - What is proven first counts, from the moment at which *it* was sent.
//! - Each attempt has a stream of its own, so that no late acknowledgement is taken for another's.
//! - No more than two are under way, and only after trouble: a slow etcd has at most twice as many renewals
//!   to answer.
//!
//! # How it fails
//!
//! With one member there is nobody else to ask. Whoever does not answer is left: the next call goes to the
//! next member.

use std::pin::pin;
use std::time::Duration;

use etcd_client::{LeaseKeepAliveStream, LeaseKeeper};

use crate::clock::Clock;
use crate::coordination::barrier::{Barrier, Failure, Proof};
use crate::coordination::choice::Chosen;
use crate::coordination::etcd::CALL_TIMEOUT;
use crate::coordination::{CallError, Etcd};
use crate::model::{LeaseTerm, Moment};

/// A stream of renewals, and to which member.
pub(super) struct Stream {
    keeper: LeaseKeeper,
    acks: LeaseKeepAliveStream,
    member: Chosen,
}

/// What a renewal goes by.
pub(super) struct Renewal<'a> {
    pub(super) etcd: &'a Etcd,
    pub(super) barrier: &'a Barrier,
    pub(super) term: LeaseTerm,
    pub(super) clock: Clock,
    /// The attempt before this one waited in vain.
    pub(super) slow: bool,
}

/// A renewal that was proven.
pub(super) struct Renewed {
    /// What it came by, for the next one.
    pub(super) stream: Stream,
    pub(super) sent: Moment,
    pub(super) acked: Moment,
    /// As etcd confirmed it.
    pub(super) ttl: Duration,
    pub(super) proof: Proof,
}

impl Renewal<'_> {
    /// A stream of renewals to the member that is chosen now. To open it is a renewal, too, which proves
    /// nothing.
    pub(super) async fn open(&self) -> Result<Stream, CallError> {
        let member = self.etcd.chosen();
        let lease = self.barrier.subject().lease;
        let (keeper, acks) = self.etcd.keep_alive(lease, self.patience()).await?;
        Ok(Stream {
            keeper,
            acks,
            member,
        })
    }

    /// Renews over this stream, or over a new one. Dropped, the lease may be renewed all the same.
    pub(super) async fn make(&self, open: Option<Stream>) -> Result<Renewed, Failure> {
        let asked = self.etcd.chosen();
        let mut first = pin!(self.attempt(open));
        if !self.slow || self.etcd.is_alone() {
            return first.await;
        }
        if let Ok(settled) = tokio::time::timeout(self.term.attempt_timeout(), &mut first).await {
            return settled;
        }
        self.etcd.leave(asked);
        let mut second = pin!(self.attempt(None));
        tokio::select! {
            settled = &mut first => match settled {
                Err(Failure::Again(..)) => second.await,
                settled => settled,
            },
            settled = &mut second => match settled {
                Err(Failure::Again(..)) => first.await,
                settled => settled,
            },
        }
    }

    /// One attempt. If it fails, the member that was asked last is left.
    async fn attempt(&self, open: Option<Stream>) -> Result<Renewed, Failure> {
        let mut asked = open
            .as_ref()
            .map_or_else(|| self.etcd.chosen(), |stream| stream.member);
        let settled = self.acknowledged_and_proven(open, &mut asked).await;
        if settled.is_err() {
            self.etcd.leave(asked);
        }
        settled
    }

    async fn acknowledged_and_proven(
        &self,
        open: Option<Stream>,
        asked: &mut Chosen,
    ) -> Result<Renewed, Failure> {
        let mut stream = match open {
            Some(stream) => stream,
            None => self.open().await?,
        };
        let sent = self.clock.now();
        let ack = async {
            stream.keeper.keep_alive().await?;
            stream.acks.message().await
        };
        let ack = self
            .etcd
            .within(self.patience(), stream.member, ack)
            .await?;
        let ack = ack.ok_or_else(|| Failure::Again("the stream was closed".to_owned(), false))?;
        let ttl = u64::try_from(ack.ttl()).unwrap_or(0);
        if ttl == 0 {
            return Err(Failure::Gone("the lease ran out".to_owned()));
        }
        let acked_in = ack.header().map_or(0, |header| header.raft_term());
        let acked = self.clock.now();
        *asked = self.etcd.chosen();
        let patience = self.patience_for_proof();
        let proof = self.barrier.prove(acked_in, patience, acked).await?;
        Ok(Renewed {
            stream,
            sent,
            acked,
            ttl: Duration::from_secs(ttl),
            proof,
        })
    }

    /// How long a renewal may take. A member that hangs never answers, so at first there is little
    /// patience. Whoever waited in vain waits for a slow etcd, up to half of the time that is left: to ask it
    /// again and again before it can answer makes it slower still, until every lease has run out.
    fn patience(&self) -> Duration {
        let least = self.term.attempt_timeout();
        let most = least.max(CALL_TIMEOUT);
        let left = self.term.soft().since(self.clock.now());
        match self.slow {
            false => least,
            true if left.is_zero() => most,
            true => (left / 2).clamp(least, most),
        }
    }

    /// The same for the barrier. A member that was split off from the others takes it and never answers.
    fn patience_for_proof(&self) -> Duration {
        let least = self.term.attempt_timeout();
        match self.slow {
            false => least,
            true => least.max(CALL_TIMEOUT),
        }
    }
}
