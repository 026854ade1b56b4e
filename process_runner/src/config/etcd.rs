//! How nodes coordinate: an etcd cluster, or the embedded one of this machine.

mod build;

use std::path::PathBuf;
use std::time::Duration;

use super::secret::Secret;

pub(super) use build::build;

/// Where keys live if nothing else is said.
const DEFAULT_PREFIX: &str = "/process_runner/default";
const DEFAULT_LEASE_TTL: Duration = Duration::from_secs(10);

/// How nodes coordinate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coordination {
    /// The embedded etcd: this machine only.
    Embedded(EmbeddedConfig),
    /// An etcd cluster.
    Etcd(EtcdConfig),
}

impl Coordination {
    /// An etcd at these endpoints, without TLS and user, with the default lease.
    pub fn etcd(endpoints: Vec<String>, prefix: String) -> Self {
        Self::Etcd(EtcdConfig {
            endpoints,
            prefix,
            lease_ttl: Self::default().lease_ttl(),
            username: None,
            password: None,
            tls: None,
        })
    }

    /// Where all keys live.
    pub fn prefix(&self) -> &str {
        match self {
            Self::Embedded(config) => &config.prefix,
            Self::Etcd(config) => &config.prefix,
        }
    }

    /// The time after which a vanished machine's slots move.
    pub fn lease_ttl(&self) -> Duration {
        match self {
            Self::Embedded(config) => config.lease_ttl,
            Self::Etcd(config) => config.lease_ttl,
        }
    }
}

impl Default for Coordination {
    fn default() -> Self {
        Self::Embedded(EmbeddedConfig::default())
    }
}

/// The embedded etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedConfig {
    /// Where all keys live; two projects on one machine keep apart by it.
    pub prefix: String,
    /// The time after which a vanished node's slots move.
    pub lease_ttl: Duration,
    /// Where it keeps its data, if not at the usual place.
    pub data_dir: Option<PathBuf>,
}

impl Default for EmbeddedConfig {
    fn default() -> Self {
        Self {
            prefix: DEFAULT_PREFIX.to_owned(),
            lease_ttl: DEFAULT_LEASE_TTL,
            data_dir: None,
        }
    }
}

/// An etcd cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdConfig {
    /// The client addresses of its members, `http://host:port` or `https://host:port`.
    pub endpoints: Vec<String>,
    /// Where all keys live; nodes with the same prefix are one cluster.
    pub prefix: String,
    /// The time after which a vanished machine's slots move.
    pub lease_ttl: Duration,
    /// The etcd user.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// What https needs besides the system's own certificates.
    pub tls: Option<TlsConfig>,
}

/// Files for https, relative ones joined to the directory of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// The certificates of the authority to trust.
    pub ca: Option<PathBuf>,
    /// The client certificate and its private key.
    pub client: Option<(PathBuf, PathBuf)>,
}
