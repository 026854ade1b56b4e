//! Renews the node's lease, and proves each renewal before it counts.
//!
//! ```text
//! S = clock     keepalive ----> ack(raft_term a)
//!               barrier   ----> committed in raft_term b        a == b ? valid until S + ttl - margin
//!                                                               a != b ? discard, renew again
//! ```
//!
//! An acknowledged keepalive is not proof: renewals do not go through raft, and an etcd leader that
//! was paused acknowledges what it can no longer promise. The barrier is a transaction that does go
//! through raft and changes nothing. If it commits in the term of the ack, no other leader was
//! elected before the renewal; one elected later re-arms every lease with its full ttl.
//!
//! The same transaction reads what a watch that fell silent would have missed: the inbox and the
//! posts; whether the slots are still on the lease is asked afterwards ([`Sighting`]). This
//! decides nothing about the renewal; the slots are judged one by one by whoever holds them.
//!
//! # Guarantees
//!
//! - Deadlines move only by a proven renewal, and count from the moment it was sent.
//! - Every await has a timeout. After any failure the stream is opened anew, on the next endpoint,
//!   so that a late ack cannot be taken for the answer to a newer request.
//!
//! # How it fails
//!
//! It never gives up by itself. [`Pulse::Gone`] is told only when etcd said that the lease or the
//! member key does not exist; until then the deadlines of [`Validity`] do the rest. An etcd that is out
//! of space refuses the barrier in its usual form; then it is a deletion of nothing and two reads.

use std::sync::Arc;
use std::time::Duration;

use etcd_client::{Compare, CompareOp, LeaseKeepAliveStream, LeaseKeeper, Txn, TxnOp, TxnResponse};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::choice::Chosen;
use super::etcd::CALL_TIMEOUT;
use super::sighting::{Look, Sighting};
use super::{CallError, Etcd};
use crate::clock::Clock;
use crate::model::{Backoff, LeaseTerm, Moment};
use crate::validity::Validity;

/// What the heartbeat last found.
#[derive(Debug, Clone)]
pub(crate) enum Pulse {
    /// The last renewal was proven, and this was seen on the way.
    Renewed(Arc<Sighting>),
    /// Attempts fail; the lease may still be good.
    Troubled(String),
    /// The lease or the member key is gone.
    Gone(String),
}

/// What is renewed, and what proves it.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) lease: i64,
    pub(crate) member_key: String,
    /// The member key's create_revision: ours and nobody else's.
    pub(crate) member_created: i64,
    /// What makes the store this store, and the mod_revision that this session rests on.
    pub(crate) meta: (String, i64),
    /// A key that is never put.
    pub(crate) never_key: String,
    /// What to read on the way.
    pub(crate) look: Look,
}

/// A running heartbeat. Dropping it stops the renewals.
pub(crate) struct Heartbeat {
    pulse: watch::Receiver<Pulse>,
    /// The last pulse was told: there is nothing more to wait for.
    over: bool,
    task: JoinHandle<()>,
}

impl Heartbeat {
    /// Starts to renew `subject` on the present runtime.
    pub(crate) fn start(
        etcd: Etcd,
        subject: Subject,
        term: LeaseTerm,
        clock: Clock,
        validity: Arc<Validity>,
    ) -> Self {
        let (sender, pulse) = watch::channel(Pulse::Renewed(Arc::default()));
        let beat = Beat {
            asked: etcd.chosen(),
            etcd,
            subject,
            term,
            clock,
            validity,
            sender,
            stream: None,
            full: false,
            revision: 0,
        };
        Self {
            pulse,
            over: false,
            task: tokio::spawn(beat.run()),
        }
    }

    /// Completes when the pulse changed; never again after [`Pulse::Gone`]. Cancel safe.
    pub(crate) async fn changed(&mut self) -> Pulse {
        if self.over {
            std::future::pending::<()>().await;
        }
        let pulse = match self.pulse.changed().await {
            Ok(()) => self.pulse.borrow_and_update().clone(),
            Err(_) => Pulse::Gone("the heartbeat ended".to_owned()),
        };
        self.over = matches!(pulse, Pulse::Gone(_));
        pulse
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A stream of renewals, and to which member.
type Stream = (LeaseKeeper, LeaseKeepAliveStream, Chosen);

struct Beat {
    etcd: Etcd,
    subject: Subject,
    term: LeaseTerm,
    clock: Clock,
    validity: Arc<Validity>,
    sender: watch::Sender<Pulse>,
    stream: Option<Stream>,
    /// The member that the last question went to.
    asked: Chosen,
    /// etcd is out of space.
    full: bool,
    /// The revision of the last barrier.
    revision: i64,
}

impl Beat {
    async fn run(mut self) {
        let mut failures = 0;
        let mut denied = false;
        // Opening a stream is a renewal, too, which proves nothing: with the first one that counts it would
        // ask twice, while a cluster that starts has the most to do.
        let (opened, ()) = tokio::join!(self.open(), tokio::time::sleep(self.term.period()));
        // The renewal opens one itself then.
        self.stream = opened.ok();
        loop {
            match self.renew(self.patience(failures)).await {
                Ok(()) => failures = 0,
                Err(Failure::Gone(reason)) => {
                    let _ = self.sender.send(Pulse::Gone(reason));
                    return;
                }
                Err(Failure::Again(reason, refused)) => {
                    failures += 1;
                    denied = refused;
                    self.stream = None;
                    self.etcd.leave(self.asked);
                    tracing::debug!(failures, %reason, "a renewal of the lease failed");
                    let _ = self.sender.send(Pulse::Troubled(reason));
                }
            }
            tokio::time::sleep(self.wait(failures, denied)).await;
        }
    }

    /// A stream of renewals to the member that is chosen now.
    async fn open(&self) -> Result<Stream, CallError> {
        let chosen = self.etcd.chosen();
        let timeout = self.term.attempt_timeout();
        let (keeper, stream) = self.etcd.keep_alive(self.subject.lease, timeout).await?;
        Ok((keeper, stream, chosen))
    }

    /// A period, or after failures a short, growing and jittered delay. Whoever is denied access a
    /// second time is not let in within milliseconds.
    fn wait(&self, failures: u32, denied: bool) -> Duration {
        let period = self.term.period();
        match failures {
            0 => period,
            2.. if denied => period.max(Duration::from_secs(1)),
            n => Backoff {
                min: Duration::from_millis(50),
                max: period.min(Duration::from_secs(1)),
            }
            .delay(n, fastrand::f64()),
        }
    }

    /// How long the barrier may take. A member that was split off from the others takes it and never
    /// answers, so at first there is little patience; whoever tried already waits for a slow etcd.
    fn patience(&self, failures: u32) -> Duration {
        match failures {
            0 => self.term.attempt_timeout(),
            _ => self.term.attempt_timeout().max(CALL_TIMEOUT),
        }
    }

    async fn renew(&mut self, patience: Duration) -> Result<(), Failure> {
        let timeout = self.term.attempt_timeout();
        let (mut keeper, mut stream, chosen) = match self.stream.take() {
            Some(open) => open,
            None => {
                self.asked = self.etcd.chosen();
                self.open().await?
            }
        };
        self.asked = chosen;
        let sent = self.clock.now();
        let ack = async {
            keeper.keep_alive().await?;
            stream.message().await
        };
        let ack = self.etcd.within(timeout, chosen, ack).await?;
        let ack = ack.ok_or_else(|| Failure::Again("the stream was closed".to_owned(), false))?;
        let ttl = u64::try_from(ack.ttl()).unwrap_or(0);
        if ttl == 0 {
            return Err(Failure::Gone("the lease ran out".to_owned()));
        }
        let asked = self.subject.look.slots.asked();
        let acked_in = ack.header().map_or(0, |header| header.raft_term());
        let acked = self.clock.now();
        self.asked = self.etcd.chosen();
        let barrier = self.prove(acked_in, patience).await?;
        self.tell_of_time(sent, acked);
        self.tell_of_space(barrier.is_none());
        self.stream = Some((keeper, stream, chosen));
        self.term.renewed(sent, Duration::from_secs(ttl));
        self.validity.set(self.term.soft(), self.term.hard());
        let mut sighting = barrier
            .as_ref()
            .map_or_else(Sighting::default, |reply| self.subject.look.seen(reply));
        sighting.took = self.clock.now().since(sent);
        // Only now: a renewal that is proven must not wait for it.
        match self.subject.look.changed(&self.etcd, asked).await {
            Ok(changed) => sighting.changed = changed,
            // The renewal is proven all the same; the next one asks again.
            Err(error) => tracing::debug!(%error, "held slots could not be looked at"),
        }
        let _ = self.sender.send(Pulse::Renewed(Arc::new(sighting)));
        Ok(())
    }

    /// The barrier: commits in the ack's raft term, or the ack proves nothing.
    /// Its reply is `None` if etcd is out of space: then it was two steps, and nothing was seen on the
    /// way.
    async fn prove(
        &mut self,
        acked_in: u64,
        patience: Duration,
    ) -> Result<Option<TxnResponse>, Failure> {
        let Subject {
            member_key,
            member_created,
            meta: (meta_key, meta_revision),
            never_key,
            look,
            ..
        } = &self.subject;
        let ours = Compare::create_revision(member_key.as_str(), CompareOp::Equal, *member_created);
        let store = Compare::mod_revision(meta_key.as_str(), CompareOp::Equal, *meta_revision);
        let txn = Txn::new().when([ours, store]).and_then(
            [TxnOp::delete(never_key.as_str(), None)]
                .into_iter()
                .chain(look.reads())
                .collect::<Vec<_>>(),
        );
        let reply = match self.etcd.txn_within(patience, &txn).await {
            Err(CallError::NoSpace) => {
                self.prove_without_space(acked_in).await?;
                return Ok(None);
            }
            reply => reply?,
        };
        if !reply.succeeded() {
            return Err(Failure::not_ours());
        }
        let (revision, term) = reply
            .header()
            .map_or((0, 0), |header| (header.revision(), header.raft_term()));
        // Every member has it in the order of raft, so it never falls: this is a store of an earlier time,
        // in which our own keys may well be as they were then.
        if revision < self.revision {
            let seen = self.revision;
            let reason = format!("the revision of the store went back from {seen} to {revision}");
            return Err(Failure::Gone(reason));
        }
        self.revision = revision;
        same_term(acked_in, term)?;
        Ok(Some(reply))
    }

    /// The barrier for an etcd that is out of space. 3.5.0 and 3.5.1 then refuse every transaction, but no
    /// deletion outside of one, and no read.
    async fn prove_without_space(&self, acked_in: u64) -> Result<(), Failure> {
        let subject = &self.subject;
        same_term(
            acked_in,
            self.etcd.commit_nothing(&subject.never_key).await?,
        )?;
        let member = self.etcd.get(&subject.member_key, 0).await?;
        let meta = self.etcd.get(&subject.meta.0, 0).await?;
        let created = member.kvs().first().map(|kv| kv.create_revision());
        let changed = meta.kvs().first().map(|kv| kv.mod_revision());
        if (created, changed) == (Some(subject.member_created), Some(subject.meta.1)) {
            Ok(())
        } else {
            Err(Failure::not_ours())
        }
    }

    /// What a renewal took, for whoever measures.
    fn tell_of_time(&self, sent: Moment, acked: Moment) {
        let ack_us = acked.since(sent).as_micros() as u64;
        let barrier_us = self.clock.now().since(acked).as_micros() as u64;
        tracing::trace!(ack_us, barrier_us, "the lease was renewed");
    }

    fn tell_of_space(&mut self, full: bool) {
        match (std::mem::replace(&mut self.full, full), full) {
            (false, true) => tracing::warn!(
                "{}; what is held is kept, and nothing new is acquired until then",
                CallError::NoSpace
            ),
            (true, false) => tracing::info!("etcd has space again"),
            _ => {}
        }
    }
}

enum Failure {
    Gone(String),
    /// Why, and whether etcd denied access.
    Again(String, bool),
}

/// The ack counts only if no other leader was elected since.
fn same_term(acked_in: u64, committed_in: u64) -> Result<(), Failure> {
    if committed_in == acked_in {
        return Ok(());
    }
    let reason = format!("acked in raft term {acked_in}, but the term is {committed_in}");
    Err(Failure::Again(reason, false))
}

impl Failure {
    fn not_ours() -> Self {
        let reason = "the node's member key is gone, or the store's meta key changed";
        Self::Gone(reason.to_owned())
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::LeaseGone => Self::Gone("the lease ran out".to_owned()),
            CallError::Denied(_) => Self::Again(error.to_string(), true),
            other => Self::Again(other.to_string(), false),
        }
    }
}
