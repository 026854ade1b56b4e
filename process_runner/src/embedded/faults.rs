//! Faults on demand, so that tests can see what a client does when etcd misbehaves.
//!
//! A [`Gate`] stands before every call: it may refuse it, hold it back, slow it down, or lose its reply after the work
//! is done. The server has one gate for everybody; a [`Link`] is a channel with a gate of its own, so that one client of
//! many can be cut off. [`Faults`] also holds what happens to the server as a whole: a new leader, a compaction, a leap
//! of its clock.
//!
//! A call waits at the gate *inside the server*: a client that gives up does not take its request back, and it runs when
//! the gate opens, as it would in a paused etcd.

use std::sync::Arc;
use std::time::Duration;

use tonic::Status;

use super::board;
use super::node::{Kind, Node};
use super::store::Refusal;

/// What a client gets when its reply is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostReply {
    /// An `Unavailable` error that leaves open whether the write happened.
    Error,
    /// Nothing, for ever.
    Silence,
}

/// The present faults of a gate.
#[derive(Debug, Clone, Copy, Default)]
struct Plan {
    frozen: bool,
    refusing: bool,
    delay: Duration,
    lose_reply: Option<LostReply>,
    no_quorum: bool,
    /// Renewals are acknowledged in this term and not made.
    stale_term: Option<u64>,
    /// How often streams were cut.
    cuts: u64,
}

/// Stands before every call.
#[derive(Debug)]
pub(crate) struct Gate {
    plan: board::Sender<Plan>,
}

impl Gate {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            plan: board::Sender::new(Plan::default()),
        })
    }

    /// Waits until a call may go on, or refuses it.
    pub(crate) async fn admit(&self) -> Result<(), Status> {
        let plan = self.thawed().await;
        if plan.refusing {
            return Err(Status::unavailable("etcdserver: refused by a fault hook"));
        }
        if !plan.delay.is_zero() {
            tokio::time::sleep(plan.delay).await;
            // Frozen or refusing meanwhile?
            if self.thawed().await.refusing {
                return Err(Status::unavailable("etcdserver: refused by a fault hook"));
            }
        }
        Ok(())
    }

    /// Waits until the gate is not frozen.
    async fn thawed(&self) -> Plan {
        let plan = *self.plan.borrow();
        if !plan.frozen {
            return plan;
        }
        match self.plan.subscribe().wait_for(|plan| !plan.frozen).await {
            Ok(plan) => *plan,
            // The sender is `self`.
            Err(_) => plan,
        }
    }

    /// Waits until events may flow.
    pub(crate) async fn open(&self) {
        self.thawed().await;
    }

    /// Something that ends when the gate begins to refuse, or cuts the streams that are open now.
    pub(crate) fn cut(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut plan = self.plan.subscribe();
        let before = plan.borrow().cuts;
        async move {
            // An error means that the server is gone, which cuts as well.
            let _ = plan
                .wait_for(|plan| plan.refusing || plan.cuts > before)
                .await;
        }
    }

    /// Waits until there is a quorum.
    pub(crate) async fn quorum(&self) {
        // The sender is `self`, so this only ends with the value.
        let _ = self.plan.subscribe().wait_for(|plan| !plan.no_quorum).await;
    }

    /// The term in which renewals are acknowledged without being made.
    pub(crate) fn stale_term(&self) -> Option<u64> {
        self.plan.borrow().stale_term
    }

    /// Lets a reply through when the gate is open, or loses that of a write.
    pub(crate) async fn release_reply(&self, kind: Kind) -> Result<(), Status> {
        self.thawed().await;
        if kind == Kind::Read {
            return Ok(());
        }
        let mut lost = None;
        self.plan.send_if_modified(|plan| {
            lost = plan.lose_reply.take();
            lost.is_some()
        });
        match lost {
            None => Ok(()),
            Some(LostReply::Error) => Err(Status::unavailable("etcdserver: request timed out")),
            Some(LostReply::Silence) => std::future::pending().await,
        }
    }

    fn change(&self, change: impl FnOnce(&mut Plan)) {
        self.plan.send_modify(change);
    }
}

/// A channel's own faults: this client alone is cut off, slowed down, or loses replies.
#[derive(Debug, Clone)]
pub struct Link {
    gate: Arc<Gate>,
}

impl Link {
    pub(crate) fn new(gate: Arc<Gate>) -> Self {
        Self { gate }
    }

    /// Stops answering. Calls wait, and run when the gate opens again.
    pub fn freeze(&self) {
        self.gate.change(|plan| plan.frozen = true);
    }

    /// Answers again, first what has waited.
    pub fn thaw(&self) {
        self.gate.change(|plan| plan.frozen = false);
    }

    /// Refuses every call with `Unavailable`, before it does anything; or no longer.
    pub fn refuse(&self, refuse: bool) {
        self.gate.change(|plan| plan.refusing = refuse);
    }

    /// Makes every call wait this long before it runs.
    pub fn delay(&self, delay: Duration) {
        self.gate.change(|plan| plan.delay = delay);
    }

    /// Ends all streams that are open now, as a lost connection does.
    pub fn cut_streams(&self) {
        self.gate.change(|plan| plan.cuts += 1);
    }

    /// Takes the quorum away, or gives it back: reads, writes, grants, revocations and expiry wait, while renewals are
    /// still acknowledged.
    pub fn lose_quorum(&self, lost: bool) {
        self.gate.change(|plan| plan.no_quorum = lost);
    }

    /// Lets the next write happen and loses its reply.
    pub fn lose_next_reply(&self, lost: LostReply) {
        self.gate.change(|plan| plan.lose_reply = Some(lost));
    }

    /// Loses no reply any more. One that is lost already stays lost.
    pub fn lose_no_reply(&self) {
        self.gate.change(|plan| plan.lose_reply = None);
    }
}

/// The faults of the whole server. The methods of [`Link`] on it concern every client; while frozen, leases do not
/// expire either, as in a stopped process.
#[derive(Debug, Clone)]
pub struct Faults {
    node: Arc<Node>,
    link: Link,
}

impl std::ops::Deref for Faults {
    type Target = Link;

    fn deref(&self) -> &Link {
        &self.link
    }
}

impl Faults {
    pub(crate) fn new(node: Arc<Node>) -> Self {
        let link = Link::new(Arc::clone(node.gate()));
        Self { node, link }
    }

    /// Forgets all history before the present revision.
    pub fn compact(&self) {
        self.node.change(|store, _| {
            match store.compact(store.revision()) {
                // Compacted here already: nothing to forget.
                Ok(_) | Err(Refusal::Compacted) => {}
                Err(refusal) => tracing::warn!(?refusal, "forced compaction refused"),
            }
        });
    }

    /// Connects a link's renewals to a leader that will not know of its successor: from now on they are acknowledged in
    /// the present term and not made. Follow it with [`Faults::change_leader`].
    pub fn make_leader_stale(&self, link: &Link) {
        let term = self.node.core().store.term();
        link.gate.change(|plan| plan.stale_term = Some(term));
    }

    /// Lets a link's renewals reach the present leader again.
    pub fn end_stale_leader(&self, link: &Link) {
        link.gate.change(|plan| plan.stale_term = None);
    }

    /// Fills the database, or makes room: puts and grants are refused, while renewals, revocations, deletions and reads
    /// go on.
    pub fn no_space(&self, full: bool) {
        self.node.change(|store, _| store.fill(full));
    }

    /// Loses all data and cuts all streams, as an etcd that starts with an empty directory. With `keep_ids` it comes
    /// back under the same cluster and member id, as one started with the same flags does. Only in memory: says whether
    /// it happened.
    pub fn wipe(&self, keep_ids: bool) -> bool {
        let wiped = self.node.wipe(keep_ids);
        self.cut_streams();
        wiped
    }

    /// A new leader is elected: the raft term rises and every lease gets its full time again.
    pub fn change_leader(&self) {
        self.node.change(|store, now| store.change_leader(now));
    }

    /// Makes the server's clock leap ahead, so that leases end earlier than their holders think.
    pub fn skew_clock(&self, ahead: Duration) {
        self.node.skew_clock(ahead);
    }

    /// The number of keys that live now, for tests that look for leaks.
    pub fn live_keys(&self) -> usize {
        self.node.core().live_keys()
    }
}
