//! Leading the cluster: one node plans, one stands by, and every node is ready to do either.
//!
//! # Model
//!
//! ```text
//! keys leader, standby --sightings--> Posts --steps--> transactions (campaign, take over, vacate)
//!
//! planner's range --feed--> Picture --+
//! plans written so far ---------------+--> view --> planner --> orders --> plans, then grants
//! configs/ ---------------------------+       (one pass, when Rhythm says that it is due)
//! ```
//!
//! The leader and its standby follow the planner's range; all other nodes follow the two posts alone.
//! A pass computes who should hold what and writes what differs: the plan of each node that changed,
//! and grants of slots that nobody holds. Slots that somebody holds move from node to node without
//! the leader, by the plans.
//!
//! # Guarantees
//!
//! - Nothing is planned before the watch has delivered this node's own key: what the planner sees is
//!   no older than the term.
//! - A new leader reads the plans that were written and continues them.
//! - Every write holds only while the term lasts; a deposed leader writes nothing.
//! - At rest nothing is written. An audit reads the plans once a minute.
//! - A node serves the post that its key names, however it came there, or vacates it.
//!
//! # How it fails
//!
//! A pass that panics or that etcd refuses for good is a failed one; after three in a row the node
//! resigns and keeps away for a while. While etcd does not answer, what was sent is repeated until it
//! is settled, and everything in the cluster goes on as it is. Without a leader nothing moves.

mod dispatch;
mod office;
mod orders;
mod pass;
mod picture;
mod planned;
mod retire;
mod term;
mod view;

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::office::Office;
use crate::clock::Clock;
use crate::coordination::Session;
use crate::model::leading::Sighting;
use crate::model::planner::{Plan, Scope, plan};
use crate::model::view::ClusterView;

/// After a panic, before this node takes a post again.
const AFTER_PANIC: Duration = Duration::from_secs(5);

/// The pure function that plans; a parameter, so that a test can see what becomes of one that panics.
type Planner = fn(&ClusterView, Scope) -> Plan;

/// One session's part in leading. Dropping it ends its tasks and leaves its posts to the lease.
pub(crate) struct Leading {
    wishes: Wishes,
    task: JoinHandle<()>,
}

/// What the rest of the node tells the office.
#[derive(Clone)]
struct Wishes {
    sighted: watch::Sender<Option<[Sighting; 2]>>,
    draining: watch::Sender<bool>,
}

impl Leading {
    /// Begins to take part, on the present runtime.
    pub(crate) fn start(session: Session, clock: Clock) -> Self {
        Self::start_with(session, clock, plan)
    }

    fn start_with(session: Session, clock: Clock, planner: Planner) -> Self {
        let wishes = Wishes {
            sighted: watch::Sender::new(None),
            draining: watch::Sender::new(false),
        };
        let task = tokio::spawn(supervise(session, clock, planner, wishes.clone()));
        Self { wishes, task }
    }

    /// Tells what the posts' keys said in a read of somebody else's, such as the heartbeat's barrier: a
    /// watch that is silent must not leave a post unserved.
    pub(crate) fn sighted(&self, posts: [Sighting; 2]) {
        self.wishes.sighted.send_replace(Some(posts));
    }

    /// Gives up this node's posts for good, so that another node plans while this one drains. What is
    /// not vacated when the session ends is vacated by the end of its lease.
    pub(crate) fn resign(&self) {
        self.wishes.draining.send_replace(true);
    }
}

impl Drop for Leading {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Runs the office. If it panics, its posts are vacated and another one is opened later: a post must
/// not be held by nobody.
async fn supervise(session: Session, clock: Clock, planner: Planner, wishes: Wishes) {
    let mut willing_from = clock.now();
    loop {
        let office = Office::new(session.clone(), clock, planner, willing_from);
        let mut running = tokio::task::JoinSet::new();
        running.spawn(office.run(wishes.clone()));
        match running.join_next().await {
            Some(Err(error)) if error.is_panic() => {
                tracing::error!(%error, "leading failed; this node leaves it to others for a while");
                willing_from = clock.now() + AFTER_PANIC;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests;
