//! Renews the node's lease, and proves each renewal before it counts.
//!
//! ```text
//! S = clock     keepalive ----> ack(raft_term a)
//!               barrier   ----> committed in raft_term b        a == b ? valid until S + ttl - margin
//!                                                               a != b ? discard, renew again
//! ```
//!
//! An acknowledged keepalive is not proof: renewals do not go through raft, and an etcd leader that
//! was paused acknowledges what it can no longer promise. The barrier (`barrier`) does go through raft
//! and changes nothing. If it commits in the term of the ack, no other leader was elected before the
//! renewal; one elected later re-arms every lease with its full ttl.
//!
//! Once in a ttl the barrier also reads what a watch that fell silent would have missed: the inbox and
//! the posts. Whether the slots are still on the lease is asked after each renewal ([`Sighting`]). This
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
//! member key does not exist; until then the deadlines of [`Validity`] do the rest.

use std::sync::Arc;
use std::time::Duration;

use etcd_client::{LeaseKeepAliveStream, LeaseKeeper};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::barrier::{Barrier, Failure, Subject};
use super::choice::Chosen;
use super::etcd::CALL_TIMEOUT;
use super::sighting::Sighting;
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
            barrier: Barrier::new(etcd.clone(), subject, clock.now(), term.ttl()),
            etcd,
            term,
            clock,
            validity,
            sender,
            stream: None,
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
    barrier: Barrier,
    term: LeaseTerm,
    clock: Clock,
    validity: Arc<Validity>,
    sender: watch::Sender<Pulse>,
    stream: Option<Stream>,
    /// The member that the last question went to.
    asked: Chosen,
}

impl Beat {
    async fn run(mut self) {
        let mut failures = 0;
        let mut slow = false;
        let mut denied = false;
        // Nodes that start at once are not to renew at once for ever after.
        let mut waited = self.term.period().mul_f64(1.0 + fastrand::f64());
        // Opening a stream is a renewal, too, which proves nothing: with the first one that counts it would
        // ask twice, while a cluster that starts has the most to do.
        let patience = self.patience(slow);
        let (opened, mut at_peace) = tokio::join!(self.open(patience), self.rest(waited));
        // The renewal opens one itself then.
        self.stream = opened.ok();
        loop {
            if failures == 0 && at_peace && self.holds_nothing() {
                let longer = (self.term.period() * 2).saturating_sub(waited);
                self.rest(longer).await;
            }
            let began = self.clock.now();
            match self.renew(slow).await {
                Ok(()) => (failures, slow) = (0, false),
                Err(Failure::Gone(reason)) => {
                    let _ = self.sender.send(Pulse::Gone(reason));
                    return;
                }
                Err(Failure::Again(reason, refused)) => {
                    failures += 1;
                    // What is refused at once says nothing of how long an answer takes.
                    slow |= self.clock.now().since(began) >= self.term.attempt_timeout();
                    denied = refused;
                    self.stream = None;
                    self.barrier.distrust();
                    self.etcd.leave(self.asked);
                    tracing::debug!(failures, %reason, "a renewal of the lease failed");
                    let _ = self.sender.send(Pulse::Troubled(reason));
                }
            }
            waited = self.wait(failures, denied);
            at_peace = self.rest(waited).await;
        }
    }

    /// Waits for `time`, or until an answer of etcd makes it doubtful that this is the store it was: then
    /// false.
    async fn rest(&self, time: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(time) => true,
            () = self.etcd.newest().doubted() => false,
        }
    }

    /// Who holds nothing has nothing to lose, and renews half as often. When a thousand nodes start at
    /// once, etcd's first work is to give them their slots.
    fn holds_nothing(&self) -> bool {
        self.barrier.subject().look.slots.is_empty()
    }

    /// A stream of renewals to the member that is chosen now.
    async fn open(&self, patience: Duration) -> Result<Stream, CallError> {
        let chosen = self.etcd.chosen();
        let lease = self.barrier.subject().lease;
        let (keeper, stream) = self.etcd.keep_alive(lease, patience).await?;
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

    /// How long a renewal may take. A member that hangs never answers, so at first there is little
    /// patience. Whoever waited in vain waits for a slow etcd, up to half of the time that is left: to ask it
    /// again and again before it can answer makes it slower still, until every lease has run out.
    fn patience(&self, slow: bool) -> Duration {
        let least = self.term.attempt_timeout();
        let most = least.max(CALL_TIMEOUT);
        let left = self.term.soft().since(self.clock.now());
        match slow {
            false => least,
            true if left.is_zero() => most,
            true => (left / 2).clamp(least, most),
        }
    }

    /// The same for the barrier. A member that was split off from the others takes it and never answers.
    fn patience_for_proof(&self, slow: bool) -> Duration {
        let least = self.term.attempt_timeout();
        if slow { least.max(CALL_TIMEOUT) } else { least }
    }

    async fn renew(&mut self, slow: bool) -> Result<(), Failure> {
        let patience = self.patience(slow);
        let (mut keeper, mut stream, chosen) = match self.stream.take() {
            Some(open) => open,
            None => {
                self.asked = self.etcd.chosen();
                self.open(patience).await?
            }
        };
        self.asked = chosen;
        let sent = self.clock.now();
        let ack = async {
            keeper.keep_alive().await?;
            stream.message().await
        };
        let ack = self.etcd.within(patience, chosen, ack).await?;
        let ack = ack.ok_or_else(|| Failure::Again("the stream was closed".to_owned(), false))?;
        let ttl = u64::try_from(ack.ttl()).unwrap_or(0);
        if ttl == 0 {
            return Err(Failure::Gone("the lease ran out".to_owned()));
        }
        let asked = self.barrier.subject().look.slots.asked();
        let acked_in = ack.header().map_or(0, |header| header.raft_term());
        let acked = self.clock.now();
        self.asked = self.etcd.chosen();
        let at = (acked, self.term.ttl());
        let patience = self.patience_for_proof(slow);
        let mut sighting = self.barrier.prove(acked_in, patience, at).await?;
        self.tell_of_time(sent, acked);
        self.stream = Some((keeper, stream, chosen));
        self.term.renewed(sent, Duration::from_secs(ttl));
        self.validity.set(self.term.soft(), self.term.hard());
        sighting.took = self.clock.now().since(sent);
        // Only now: a renewal that is proven must not wait for it.
        match self.barrier.subject().look.changed(&self.etcd, asked).await {
            Ok(changed) => sighting.changed = changed,
            // The renewal is proven all the same; the next one asks again.
            Err(error) => tracing::debug!(%error, "held slots could not be looked at"),
        }
        let _ = self.sender.send(Pulse::Renewed(Arc::new(sighting)));
        Ok(())
    }

    /// What a renewal took, for whoever measures.
    fn tell_of_time(&self, sent: Moment, acked: Moment) {
        let ack_us = acked.since(sent).as_micros() as u64;
        let barrier_us = self.clock.now().since(acked).as_micros() as u64;
        tracing::trace!(ack_us, barrier_us, "the lease was renewed");
    }
}

#[cfg(test)]
mod tests;
