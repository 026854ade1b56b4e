//! The cluster from outside: a handle that needs no job classes and runs no workers.
//!
//! It reads the same keys that nodes write, so it works from any machine that reaches etcd, and
//! for the embedded etcd from any process of the same user.

mod status;

use std::time::Duration;

use tokio::time::Instant;

pub use status::{JobStatus, NodeStatus, SlotStatus, Status};

use crate::config::Coordination;
use crate::coordination::{
    ClusterSnapshot, Connection, CoordinationError, Watching, join, read_cluster,
};

/// How long nodes get to answer a first look with fresh counters.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Time between two looks for fresh counters.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A connection to a cluster, without being part of it.
///
/// ```no_run
/// # async fn example() -> Result<(), process_runner::CoordinationError> {
/// use process_runner::cluster::Cluster;
/// use process_runner::config::Coordination;
///
/// let cluster = Cluster::connect(&Coordination::default()).await?;
/// let status = cluster.status().await?;
/// println!("{} of {} workers run", status.running, status.desired);
/// # Ok(())
/// # }
/// ```
pub struct Cluster {
    connection: Connection,
}

impl Cluster {
    /// Connects to the cluster that a configuration names. The embedded etcd is joined, never
    /// hosted: if no node of this user runs on this machine, that is an error that says so.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    ///
    /// An endpoint or TLS file that cannot be used, denied access, or no embedded etcd to join.
    pub async fn connect(coordination: &Coordination) -> Result<Self, CoordinationError> {
        Ok(Self {
            connection: join(coordination).await?,
        })
    }

    /// The cluster as it is, with fresh counters of every node that answers within 1.5 seconds.
    ///
    /// Dropped, it leaves a mark behind that runs out by itself after a few seconds.
    ///
    /// # Errors
    ///
    /// etcd does not answer or denies access.
    pub async fn status(&self) -> Result<Status, CoordinationError> {
        let watching = Watching::start(&self.connection.etcd, &self.connection.keys).await?;
        let read = self.read_counted().await;
        watching.stop(&self.connection.etcd).await;
        Ok(status::status(&read?))
    }

    /// Reads until every living node has published its counters, or patience ends.
    async fn read_counted(&self) -> Result<ClusterSnapshot, CoordinationError> {
        let until = Instant::now() + PATIENCE;
        loop {
            let cluster = read_cluster(&self.connection.etcd, &self.connection.keys).await?;
            if counted(&cluster) || Instant::now() >= until {
                return Ok(cluster);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// True if every living node has said how each of its slots stands, with counters.
fn counted(cluster: &ClusterSnapshot) -> bool {
    cluster.slots.iter().all(|(slot, owned)| {
        let owner = &owned.record.owner;
        let alive = cluster
            .members
            .get(&**owner)
            .is_some_and(|member| member.incarnation == owned.record.incarnation);
        let reported = cluster.statuses.get(owner).is_some_and(|status| {
            status.incarnation == owned.record.incarnation
                && status.workers.iter().any(|worker| {
                    let same = worker.job == *slot.job && worker.index == slot.index;
                    same && (worker.records.is_some() || worker.state != "running")
                })
        });
        reported || !alive
    })
}
