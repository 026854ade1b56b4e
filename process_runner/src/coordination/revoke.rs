//! Revoking the leases of a node whose process is dead, from outside of it.
//!
//! Whoever calls this has proof that nothing of the node runs any more: then the end of its lease
//! frees everything it had in one revision, and the slots need not wait for the time to live.
//!
//! Every member of etcd is asked at once and the first that confirms is enough: one that is dead
//! costs no time. To revoke a lease that is gone already is no error, so it may be repeated.

use std::fmt;
use std::time::Duration;

use tokio::task::JoinSet;

use super::connect::{connect, join_lazily};
use super::{CallError, Connection, CoordinationError, RequestCount};
use crate::config::{Coordination, EtcdConfig};
use crate::reports::LeaseId;

/// Between two rounds of asking.
const PAUSE: Duration = Duration::from_millis(100);

/// Why leases are left to run out.
#[derive(Debug)]
#[non_exhaustive]
pub enum RevokeError {
    /// Nobody serves the embedded etcd: it ended with the process. Its next host has to revoke.
    NoHost,
    /// Nobody confirmed it in time.
    Unconfirmed {
        /// What the last attempt said, if any has ended.
        reason: String,
    },
}

impl fmt::Display for RevokeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHost => f.write_str("nobody serves the embedded etcd at the moment"),
            Self::Unconfirmed { reason } => {
                write!(f, "nobody confirmed that the lease is revoked: {reason}")
            }
        }
    }
}

impl std::error::Error for RevokeError {}

/// Revokes `leases`, and tries again until that has taken `within`.
///
/// Only to be called when nothing of their node runs any more.
///
/// # Errors
///
/// If it is not certain that they are gone; they run out by themselves.
///
/// # Cancellation
///
/// Dropped, some of them may be revoked, now or a little later.
pub async fn revoke(
    coordination: &Coordination,
    leases: &[LeaseId],
    within: Duration,
) -> Result<(), RevokeError> {
    let mut reason = format!("no answer within {within:?}");
    let attempts = async {
        loop {
            match ask_all(coordination, leases).await {
                Ok(()) => return Ok(()),
                Err(RevokeError::NoHost) => return Err(RevokeError::NoHost),
                Err(RevokeError::Unconfirmed { reason: why }) => reason = why,
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    match tokio::time::timeout(within, attempts).await {
        Ok(revoked) => revoked,
        Err(_) => Err(RevokeError::Unconfirmed { reason }),
    }
}

/// Asks every member, until one has revoked all of them.
async fn ask_all(coordination: &Coordination, leases: &[LeaseId]) -> Result<(), RevokeError> {
    let mut asked = JoinSet::new();
    for member in each_member(coordination) {
        let leases = leases.to_vec();
        asked.spawn(async move { ask(&member, &leases).await });
    }
    let mut failed = RevokeError::NoHost;
    while let Some(answer) = asked.join_next().await {
        match answer {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => failed = error,
            Err(error) => {
                let reason = error.to_string();
                failed = RevokeError::Unconfirmed { reason };
            }
        }
    }
    Err(failed)
}

/// A way to each member alone.
fn each_member(coordination: &Coordination) -> Vec<Coordination> {
    match coordination {
        Coordination::Embedded(_) => vec![coordination.clone()],
        Coordination::Etcd(config) => {
            let one = |endpoint: &String| {
                let endpoints = vec![endpoint.clone()];
                Coordination::Etcd(EtcdConfig {
                    endpoints,
                    ..config.clone()
                })
            };
            config.endpoints.iter().map(one).collect()
        }
    }
}

async fn ask(member: &Coordination, leases: &[LeaseId]) -> Result<(), RevokeError> {
    let connection = match member {
        Coordination::Embedded(_) => join_lazily(member).await,
        Coordination::Etcd(_) => connect(member, &RequestCount::default()).await,
    };
    let connection = connection.map_err(|error| match error {
        CoordinationError::NoHost { .. } => RevokeError::NoHost,
        error => RevokeError::Unconfirmed {
            reason: error.to_string(),
        },
    })?;
    for lease in leases {
        let revoked = revoke_over(&connection, *lease).await;
        revoked.map_err(|error| RevokeError::Unconfirmed {
            reason: error.to_string(),
        })?;
    }
    Ok(())
}

/// Revokes a lease of a dead process. One that is gone already is as good.
///
/// Dropped, it may take place all the same.
pub(crate) async fn revoke_over(connection: &Connection, lease: LeaseId) -> Result<(), CallError> {
    match connection.etcd.revoke(lease.0).await {
        Err(CallError::LeaseGone) => Ok(()),
        done => done,
    }
}
