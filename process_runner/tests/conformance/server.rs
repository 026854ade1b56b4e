//! The servers under test: started on ports and directories of their own, ended with the test.

use etcd_client::Client;
use process_runner::embedded::{EmbeddedEtcd, EmbeddedOptions, Joined, guest_channel};
use tests::etcd::{Etcd, Version};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    InProcess,
    Socket,
    Etcd34,
    Etcd35,
}

impl Kind {
    /// The reference first.
    pub(crate) const ALL: [Self; 4] = [Self::InProcess, Self::Socket, Self::Etcd34, Self::Etcd35];
}

/// A running server and a client of it.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) client: Client,
    _running: Running,
}

/// What keeps it running.
enum Running {
    Embedded {
        _etcd: EmbeddedEtcd,
        _dir: Option<tempfile::TempDir>,
    },
    Real {
        _process: Etcd,
    },
}

impl Server {
    /// Starts a server and writes to it once, after which it is at revision 2.
    pub(crate) async fn start(kind: Kind) -> Self {
        let mut server = Self::launch(kind).await;
        server.client.put("ready", "", None).await.unwrap();
        server
    }

    async fn launch(kind: Kind) -> Self {
        match kind {
            Kind::InProcess => {
                let etcd = EmbeddedEtcd::in_memory(EmbeddedOptions::default());
                let client = Client::from_channel(etcd.channel(), None).await.unwrap();
                let running = Running::Embedded {
                    _etcd: etcd,
                    _dir: None,
                };
                Self {
                    kind,
                    client,
                    _running: running,
                }
            }
            Kind::Socket => {
                let dir = tempfile::tempdir().unwrap();
                let joined = EmbeddedEtcd::open_or_join(dir.path(), EmbeddedOptions::default());
                let Joined::Host(etcd) = joined.await.unwrap() else {
                    panic!("a new directory has a host already");
                };
                let joined = EmbeddedEtcd::open_or_join(dir.path(), EmbeddedOptions::default());
                let Joined::Guest { socket, .. } = joined.await.unwrap() else {
                    panic!("a second host");
                };
                let client = Client::from_channel(guest_channel(&socket), None)
                    .await
                    .unwrap();
                let running = Running::Embedded {
                    _etcd: etcd,
                    _dir: Some(dir),
                };
                Self {
                    kind,
                    client,
                    _running: running,
                }
            }
            Kind::Etcd34 => Self::real(kind, Version::V34).await,
            Kind::Etcd35 => Self::real(kind, Version::V35).await,
        }
    }

    async fn real(kind: Kind, version: Version) -> Self {
        let real = Etcd::start(version).unwrap_or_else(|error| panic!("{error}"));
        let client = Client::connect([real.endpoint()], None).await.unwrap();
        Self {
            kind,
            client,
            _running: Running::Real { _process: real },
        }
    }
}
