//! A real etcd of one test: its members on loopback, gone with their guard.

mod options;
mod users;
mod version;

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use self::options::EtcdOptions;
pub use self::version::{VERSIONS, Version};

/// A running etcd. Dropping it ends its processes and removes its files.
pub struct Etcd {
    members: Vec<Member>,
    options: EtcdOptions,
    _dir: TempDir,
}

/// One member: a shell that ends the server when its input closes, and the server's addresses.
struct Member {
    shell: Child,
    /// Where it tells its health and its metrics, in plain text whatever the clients speak.
    port: u16,
    endpoint: String,
}

/// Where one member listens.
struct Address {
    name: String,
    port: u16,
    client: String,
    peer: String,
    metrics: String,
}

impl Etcd {
    /// Starts an etcd of one member and returns once it is healthy.
    ///
    /// # Errors
    ///
    /// If there is no etcd of this version, with what to do about it, or it does not start.
    pub fn start(version: Version) -> io::Result<Self> {
        EtcdOptions::new(version).start()
    }

    /// Starts an etcd of so many members and returns once all are healthy.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn cluster(version: Version, members: usize) -> io::Result<Self> {
        EtcdOptions::new(version).members(members).start()
    }

    fn launch(options: EtcdOptions) -> io::Result<Self> {
        let binary = options.version.binary()?;
        let dir = TempDir::new()?;
        let addresses = (0..options.members)
            .map(|number| Address::free(number, options.scheme()))
            .collect::<io::Result<Vec<_>>>()?;
        let peers: Vec<_> = addresses
            .iter()
            .map(|address| format!("{}={}", address.name, address.peer))
            .collect();
        let peers = peers.join(",");
        let members = addresses
            .into_iter()
            .map(|address| address.start(&binary, &options, dir.path(), &peers))
            .collect::<io::Result<Vec<_>>>()?;
        for member in &members {
            member.wait_until_healthy()?;
        }
        Ok(Self {
            members,
            options,
            _dir: dir,
        })
    }

    /// Where clients reach the first member.
    pub fn endpoint(&self) -> &str {
        &self.members[0].endpoint
    }

    /// Where clients reach each member.
    pub fn endpoints(&self) -> Vec<String> {
        self.members
            .iter()
            .map(|member| member.endpoint.clone())
            .collect()
    }

    /// The sum over the members of what they say of themselves under `name`, whatever its labels; or
    /// under `name{first="label"`, whatever the others.
    ///
    /// # Errors
    ///
    /// A member does not answer.
    pub fn metric(&self, name: &str) -> io::Result<f64> {
        let mut sum = 0.0;
        for member in &self.members {
            let text = get(member.port, "/metrics")?;
            let values = text.lines().filter_map(|line| {
                let rest = line.strip_prefix(name)?;
                let labelled = rest.starts_with(['{', ' ', ',']);
                labelled.then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
            });
            sum += values.sum::<f64>();
        }
        Ok(sum)
    }
}

impl Address {
    fn free(number: usize, scheme: &str) -> io::Result<Self> {
        let (client, peer, port) = (free_port()?, free_port()?, free_port()?);
        Ok(Self {
            name: format!("t{number}"),
            port,
            client: format!("{scheme}://127.0.0.1:{client}"),
            peer: format!("http://127.0.0.1:{peer}"),
            metrics: format!("http://127.0.0.1:{port}"),
        })
    }

    fn start(
        self,
        binary: &Path,
        options: &EtcdOptions,
        dir: &Path,
        peers: &str,
    ) -> io::Result<Member> {
        // The shell ends the server when its input closes, which it does even if this test is killed.
        let script = r#""$@" </dev/null & pid=$!; read _; kill -9 $pid; wait $pid"#;
        let shell = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(binary)
            .args(["--name", &self.name, "--log-level", "error"])
            .args(["--logger", "zap", "--data-dir"])
            .arg(dir.join(&self.name))
            .args(["--listen-client-urls", &self.client])
            .args(["--advertise-client-urls", &self.client])
            .args(["--listen-peer-urls", &self.peer])
            .args(["--initial-advertise-peer-urls", &self.peer])
            .args(["--initial-cluster", peers])
            .args(["--listen-metrics-urls", &self.metrics])
            .args(&options.flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Member {
            shell,
            port: self.port,
            endpoint: self.client,
        })
    }
}

impl Member {
    fn wait_until_healthy(&self) -> io::Result<()> {
        let until = Instant::now() + Duration::from_secs(60);
        while Instant::now() < until {
            if get(self.port, "/health").is_ok_and(|text| text.contains(r#""health":"true""#)) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(io::Error::other("etcd did not become healthy"))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

fn get(port: u16, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
