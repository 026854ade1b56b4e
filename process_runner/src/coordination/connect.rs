//! From the configuration to an [`Etcd`]: real endpoints with TLS and a user, or the embedded one.
//!
//! Real endpoints are connected lazily: an etcd that is down is noticed by the first call. The
//! embedded one is opened at once, because whether this process hosts it or joins another decides
//! what the channel is.

use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use etcd_client::{Client, ConnectOptions};

use super::keys::Keys;
use super::probe::Probe;
use super::session::explain;
use super::tls::Tls;
use super::{CoordinationError, Etcd, Memory, RequestCount};
use crate::config::{Coordination, EmbeddedConfig, EtcdConfig};
use crate::embedded::{EmbeddedEtcd, EmbeddedOptions, Joined, default_data_dir, guest_channel};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// etcd cuts connections that ping more often than every five seconds.
const PING_EVERY: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(3);

/// A way to an etcd, and what of it lives in this process.
pub(crate) struct Connection {
    pub(crate) etcd: Etcd,
    pub(crate) keys: Keys,
    pub(crate) ttl: Duration,
    /// The embedded etcd, if this process hosts it.
    hosted: Mutex<Option<EmbeddedEtcd>>,
    /// The directory of the embedded etcd, if another process hosts it.
    guest_of: Option<PathBuf>,
    /// For people: what this connection leads to.
    pub(crate) description: String,
    /// The endpoints of a cluster and how they are spoken to, to say why they do not answer.
    probe: Option<Probe>,
    /// What this machine knew of the store before, unless it lives and ends with this process.
    pub(crate) memory: Option<Memory>,
}

impl Connection {
    /// Takes the place of a host that ended, if this process is its guest: the store is opened from
    /// its files and served on the same socket, so that every guest finds it again by itself.
    ///
    /// Does nothing while the host lives. Dropped, it leaves the host's place to somebody else.
    pub(crate) async fn heal(&self) {
        let Some(dir) = &self.guest_of else { return };
        match EmbeddedEtcd::open_or_join(dir, EmbeddedOptions::default()).await {
            Ok(Joined::Host(hosted)) => {
                tracing::info!("the host of the embedded etcd ended; this process hosts it now");
                *self.hosted.lock().unwrap_or_else(PoisonError::into_inner) = Some(hosted);
            }
            Ok(Joined::Guest { .. }) => {}
            Err(error) => tracing::debug!(%error, "the embedded etcd has no host yet"),
        }
    }

    /// Looks closer at an etcd that does not answer: an error that says what is wrong with it, if
    /// that can be found out.
    ///
    /// Takes some seconds at most. Dropped, it leaves nothing behind.
    pub(crate) async fn explain(&self, error: CoordinationError) -> CoordinationError {
        match &self.probe {
            Some(probe) => probe.explain(error).await,
            None => error,
        }
    }

    /// True if this process hosts nothing and could have to.
    pub(crate) fn is_guest(&self) -> bool {
        let hosted = self.hosted.lock().unwrap_or_else(PoisonError::into_inner);
        self.guest_of.is_some() && hosted.is_none()
    }

    /// Takes out the embedded etcd that this process hosts, to shut it down.
    pub(crate) fn take_hosted(&self) -> Option<EmbeddedEtcd> {
        self.hosted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

/// Opens the way that the configuration names.
///
/// Dropped, it leaves nothing behind but, perhaps, an empty directory of the embedded etcd.
pub(crate) async fn connect(
    coordination: &Coordination,
    requests: &RequestCount,
) -> Result<Connection, CoordinationError> {
    let mut connection = match coordination {
        Coordination::Embedded(config) => embedded(config, requests).await?,
        Coordination::Etcd(config) => remote(config, requests).await?,
    };
    connection.memory = Some(Memory::of(coordination));
    Ok(connection)
}

/// A connection to an embedded etcd that runs in this process already.
pub(crate) async fn to_hosted(
    hosted: &EmbeddedEtcd,
    prefix: &str,
    ttl: Duration,
    requests: &RequestCount,
) -> Result<Connection, CoordinationError> {
    let mut members = Vec::new();
    for channel in hosted.channels() {
        members.push(("the embedded etcd".to_owned(), client_of(channel).await?));
    }
    Ok(Connection {
        etcd: Etcd::new(members, requests.clone()),
        keys: Keys::new(prefix),
        ttl,
        hosted: Mutex::new(Some(hosted.clone())),
        guest_of: None,
        description: "the embedded etcd in this process".to_owned(),
        probe: None,
        memory: None,
    })
}

async fn embedded(
    config: &EmbeddedConfig,
    requests: &RequestCount,
) -> Result<Connection, CoordinationError> {
    let dir = data_dir(config);
    let joined = EmbeddedEtcd::open_or_join(&dir, EmbeddedOptions::default())
        .await
        .map_err(unusable)?;
    match joined {
        Joined::Host(hosted) => {
            let mut connection =
                to_hosted(&hosted, &config.prefix, config.lease_ttl, requests).await?;
            connection.description = in_dir(&dir);
            Ok(connection)
        }
        Joined::Guest { socket, host_pid } => guest(config, dir, &socket, host_pid, requests).await,
    }
}

/// Opens the way that the configuration names, without hosting anything: for whoever looks and
/// steers. An etcd that does not answer is an error at once.
pub(crate) async fn join(coordination: &Coordination) -> Result<Connection, CoordinationError> {
    let connection = join_lazily(coordination).await?;
    let meta = connection.keys.meta();
    match connection.etcd.find_living(&meta).await {
        Ok(()) => Ok(connection),
        Err(error) => {
            let error = explain(error, &connection.etcd);
            Err(connection.explain(error).await)
        }
    }
}

pub(super) async fn join_lazily(
    coordination: &Coordination,
) -> Result<Connection, CoordinationError> {
    let requests = &RequestCount::default();
    let Coordination::Embedded(config) = coordination else {
        return connect(coordination, requests).await;
    };
    let dir = data_dir(config);
    match EmbeddedEtcd::find_host(&dir).await.map_err(unusable)? {
        Some(Joined::Guest { socket, host_pid }) => {
            let mut guest = guest(config, dir, &socket, host_pid, requests).await?;
            guest.memory = Some(Memory::of(coordination));
            Ok(guest)
        }
        _ => Err(CoordinationError::NoHost { dir }),
    }
}

pub(super) fn data_dir(config: &EmbeddedConfig) -> PathBuf {
    config
        .data_dir
        .clone()
        .unwrap_or_else(|| default_data_dir(&config.prefix))
}

fn in_dir(dir: &Path) -> String {
    format!("the embedded etcd in {} (this machine only)", dir.display())
}

fn unusable(error: impl std::fmt::Display) -> CoordinationError {
    CoordinationError::Embedded {
        reason: error.to_string(),
    }
}

async fn guest(
    config: &EmbeddedConfig,
    dir: PathBuf,
    socket: &Path,
    host_pid: Option<u32>,
    requests: &RequestCount,
) -> Result<Connection, CoordinationError> {
    let client = client_of(guest_channel(socket)).await?;
    let description = match host_pid {
        // Its own supervisor: nobody whom the user does not know of.
        Some(pid) if pid == parent_id() => in_dir(&dir),
        Some(pid) => format!("the embedded etcd of process {pid} (this machine only)"),
        None => "the embedded etcd of another process (this machine only)".to_owned(),
    };
    Ok(Connection {
        etcd: Etcd::new(vec![(description.clone(), client)], requests.clone()),
        keys: Keys::new(&config.prefix),
        ttl: config.lease_ttl,
        hosted: Mutex::new(None),
        guest_of: Some(dir),
        description,
        probe: None,
        memory: None,
    })
}

async fn client_of(channel: etcd_client::Channel) -> Result<Client, CoordinationError> {
    Client::from_channel(channel, None)
        .await
        .map_err(|error| CoordinationError::Embedded {
            reason: error.to_string(),
        })
}

async fn remote(
    config: &EtcdConfig,
    requests: &RequestCount,
) -> Result<Connection, CoordinationError> {
    let tls = Tls::of(config)?;
    let mut members = Vec::new();
    let mut refused = None;
    for endpoint in &config.endpoints {
        let https = endpoint.starts_with("https://");
        let options = options(config, tls.as_ref().filter(|_| https));
        let connecting = Client::connect([endpoint], Some(options));
        match tokio::time::timeout(CONNECT_TIMEOUT * 3, connecting).await {
            Ok(Ok(client)) => members.push((endpoint.clone(), client)),
            Ok(Err(error)) => refused = Some(bad_endpoint(endpoint, error)),
            Err(_) => {
                refused = Some(CoordinationError::Unreachable {
                    endpoints: endpoint.clone(),
                    reason: "no answer to the connection".to_owned(),
                });
            }
        }
    }
    let probe = Probe::new(config.endpoints.clone(), tls);
    // One usable member is enough to begin with; the others are named once.
    match refused {
        Some(error) if members.is_empty() => return Err(probe.explain(error).await),
        Some(error) => tracing::warn!(%error, "an etcd member is left out"),
        None => {}
    }
    Ok(Connection {
        description: format!("etcd at {}", config.endpoints.join(", ")),
        etcd: Etcd::new(members, requests.clone()),
        keys: Keys::new(&config.prefix),
        ttl: config.lease_ttl,
        hosted: Mutex::new(None),
        guest_of: None,
        probe: Some(probe),
        memory: None,
    })
}

/// With a user, connecting already authenticates, so it can be refused or go unanswered.
fn bad_endpoint(endpoint: &str, error: etcd_client::Error) -> CoordinationError {
    match error {
        etcd_client::Error::GRpcStatus(status) => {
            match super::CallError::from(etcd_client::Error::GRpcStatus(status)) {
                super::CallError::Denied(reason) => CoordinationError::Denied { reason },
                super::CallError::Refused(reason) => CoordinationError::Denied { reason },
                other => CoordinationError::Unreachable {
                    endpoints: endpoint.to_owned(),
                    reason: other.to_string(),
                },
            }
        }
        etcd_client::Error::TransportError(error) => CoordinationError::BadEndpoint {
            endpoint: endpoint.to_owned(),
            reason: with_causes(&error),
        },
        other => CoordinationError::BadEndpoint {
            endpoint: endpoint.to_owned(),
            reason: other.to_string(),
        },
    }
}

/// The error itself says no more than "transport error".
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn options(config: &EtcdConfig, tls: Option<&Tls>) -> ConnectOptions {
    let mut options = ConnectOptions::new()
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_keep_alive(PING_EVERY, PING_TIMEOUT)
        .with_keep_alive_while_idle(true)
        .with_require_leader(true);
    if let (Some(username), Some(password)) = (&config.username, &config.password) {
        // A token that is out of date is renewed by `Etcd`, which knows how often it may ask.
        options = options.with_user(username.clone(), password.expose().to_owned());
    }
    if let Some(tls) = tls {
        options = options.with_tls(tls.options());
    }
    options
}
