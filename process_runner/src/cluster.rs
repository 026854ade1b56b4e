//! The cluster from outside: a handle that looks and steers, needs no job classes and runs no
//! workers.
//!
//! ```text
//! look:  one read of everything at one revision --> Picture --> Status, Explanation
//! steer: a job    jobs/<job> by compare-and-put; the leader obeys
//!        a node   a note in its inbox; the node obeys and deletes it
//! ```
//!
//! It reads and writes the same keys as nodes do, so it works from any machine that reaches etcd,
//! and for the embedded etcd from any process of the same user.
//!
//! # Guarantees
//!
//! - A command says what was and what is. One that is refused has changed nothing.
//! - Of what several people change at once nothing is lost: two `+1` make +2.
//! - A node's command returns when the node has obeyed, or says that it did not and will not.

mod drain;
mod epoch;
mod error;
mod explain;
mod in_force;
mod known;
mod node_state;
mod owners;
mod pause;
mod picture;
mod scale;
mod status;

use std::time::Duration;

use tokio::time::Instant;

pub use epoch::EpochChange;
pub use error::ClusterError;
pub use explain::{Explanation, JobExplanation, LedgerStatus, NodeForJob, SlotExplanation};
pub use in_force::Pause;
pub use node_state::NodeChange;
pub use owners::{Addressed, Missed, Told, WorkerBefore};
pub use pause::PauseChange;
pub use scale::{Scaled, Workers};
pub use status::{DriftStatus, JobStatus, NodeStatus, SlotStatus, Status, UnreadableKey};

use crate::clock::Clock;
use crate::config::Coordination;
use crate::coordination::{
    ClusterSnapshot, Connection, CoordinationError, RequestCount, Watching, join, read_cluster,
    to_hosted,
};
use crate::embedded::EmbeddedEtcd;
use picture::Picture;

/// How long nodes get to answer a first look with fresh counters.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Time between two looks for fresh counters.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A connection to a cluster, without being part of it.
///
/// ```no_run
/// # async fn example() -> Result<(), process_runner::cluster::ClusterError> {
/// use process_runner::cluster::{Cluster, Workers};
/// use process_runner::config::Coordination;
///
/// let cluster = Cluster::connect(&Coordination::default()).await?;
/// let scaled = cluster.scale("ticker", Workers::By(2)).await?;
/// println!("{} -> {} workers", scaled.before, scaled.after);
/// let status = cluster.status().await?;
/// println!("{} of {} workers run", status.running, status.desired);
/// # Ok(())
/// # }
/// ```
pub struct Cluster {
    connection: Connection,
    /// In whose name it changes things.
    by: String,
}

impl Cluster {
    /// Connects to the cluster that a configuration names. The embedded etcd is joined, never
    /// hosted: if no node of this user runs on this machine, that is an error that says so.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    ///
    /// An endpoint or TLS file that cannot be used, denied access, an etcd that does not answer,
    /// or no embedded etcd to join.
    pub async fn connect(coordination: &Coordination) -> Result<Self, CoordinationError> {
        Ok(Self::of(join(coordination).await?))
    }

    /// The cluster on an embedded etcd of this process.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    ///
    /// The embedded etcd is shut down.
    pub async fn on_embedded(etcd: &EmbeddedEtcd, prefix: &str) -> Result<Self, CoordinationError> {
        let ttl = Coordination::default().lease_ttl();
        Ok(Self::of(
            to_hosted(etcd, prefix, ttl, &RequestCount::default()).await?,
        ))
    }

    fn of(connection: Connection) -> Self {
        let by = user_and_host();
        Self { connection, by }
    }

    /// Changes things in the name of `who`, which others see; by default user and host.
    #[must_use]
    pub fn acting_as(mut self, who: impl Into<String>) -> Self {
        self.by = who.into();
        self
    }

    /// The cluster as it is, with fresh counters of every node that answers within 1.5 seconds.
    ///
    /// Dropped, it leaves a mark behind that runs out by itself after a few seconds.
    ///
    /// # Errors
    ///
    /// etcd does not answer or denies access.
    pub async fn status(&self) -> Result<Status, CoordinationError> {
        let etcd = &self.connection.etcd;
        let read = match Watching::start(etcd, &self.connection.keys).await {
            Ok(watching) => {
                let read = self.read_counted().await;
                watching.stop(etcd).await;
                read
            }
            // Nobody can be asked for fresh counters; all the rest can be seen.
            Err(CoordinationError::NoSpace { .. }) => self.read().await,
            Err(error) => return Err(error),
        };
        Ok(status::status(&Picture::new(&read?, unix_ms())))
    }

    /// The living nodes. Cancel safe.
    ///
    /// # Errors
    ///
    /// etcd does not answer or denies access.
    pub async fn nodes(&self) -> Result<Vec<NodeStatus>, CoordinationError> {
        let cluster = self.read().await?;
        Ok(status::status(&Picture::new(&cluster, unix_ms())).nodes)
    }

    /// Every slot with its worker, running or not, with fresh counters as [`Cluster::status`].
    ///
    /// # Errors
    ///
    /// etcd does not answer or denies access.
    pub async fn workers(&self) -> Result<Vec<SlotStatus>, CoordinationError> {
        Ok(self.status().await?.slots)
    }

    /// How many workers of `job` run now. Cancel safe.
    ///
    /// # Errors
    ///
    /// Nobody knows the job, or etcd does not answer or denies access.
    pub async fn running_workers(&self, job: &str) -> Result<u64, ClusterError> {
        let cluster = self.read().await?;
        let picture = Picture::new(&cluster, unix_ms());
        known::job(&picture, job)?;
        let status = status::status(&picture);
        let mut jobs = status.jobs.iter();
        Ok(jobs.find(|it| it.job == job).map_or(0, |it| it.running))
    }

    async fn read(&self) -> Result<ClusterSnapshot, CoordinationError> {
        read_cluster(&self.connection.etcd, &self.connection.keys).await
    }

    /// Reads until every living node has published its counters, or patience ends.
    async fn read_counted(&self) -> Result<ClusterSnapshot, CoordinationError> {
        let until = Instant::now() + PATIENCE;
        loop {
            let cluster = self.read().await?;
            if Picture::new(&cluster, 0).is_counted() || Instant::now() >= until {
                return Ok(cluster);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// Milliseconds since 1970, by this machine's clock: what people agree on by the clock on the wall.
fn unix_ms() -> u64 {
    Clock::boot().unix_ms()
}

fn user_and_host() -> String {
    let user = ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
    let system = rustix::system::uname();
    format!("{user}@{}", system.nodename().to_string_lossy())
}

#[cfg(test)]
mod tests;
