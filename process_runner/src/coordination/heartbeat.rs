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
//!   so that a late ack cannot be taken for the answer to a newer request ([`renewal`]).
//!
//! # How it fails
//!
//! It never gives up by itself. [`Pulse::Gone`] is told only when etcd said that the lease or the
//! member key does not exist; until then the deadlines of [`Validity`] do the rest.

mod renewal;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::renewal::{Renewal, Stream};
use super::Etcd;
use super::barrier::{Barrier, Failure, Subject};
use super::sighting::Sighting;
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

struct Beat {
    etcd: Etcd,
    barrier: Barrier,
    term: LeaseTerm,
    clock: Clock,
    validity: Arc<Validity>,
    sender: watch::Sender<Pulse>,
    stream: Option<Stream>,
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
        let renewal = self.renewal(slow);
        let (opened, mut at_peace) = tokio::join!(renewal.open(), self.rest(waited));
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

    /// What the next renewal goes by.
    fn renewal(&self, slow: bool) -> Renewal<'_> {
        Renewal {
            etcd: &self.etcd,
            barrier: &self.barrier,
            term: self.term,
            clock: self.clock,
            slow,
        }
    }

    async fn renew(&mut self, slow: bool) -> Result<(), Failure> {
        let stream = self.stream.take();
        let renewed = self.renewal(slow).make(stream).await?;
        self.tell_of_time(renewed.sent, renewed.acked);
        let (now, ttl) = (self.clock.now(), self.term.ttl());
        let mut sighting = self.barrier.proved(renewed.proof, now, ttl);
        self.stream = Some(renewed.stream);
        sighting.left = self.term.hard().since(now);
        self.term.renewed(renewed.sent, renewed.ttl);
        self.validity.set(self.term.soft(), self.term.hard());
        sighting.took = now.since(renewed.sent);
        // Only now: a renewal that is proven must not wait for it.
        let look = &self.barrier.subject().look;
        match look.changed(&self.etcd, look.slots.asked()).await {
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
