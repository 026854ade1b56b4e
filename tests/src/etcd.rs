//! A real etcd of one test: its members on loopback, gone with their guard.

mod faults;
mod observer;
mod options;
mod outside;
mod split;
mod users;
mod version;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::port::Port;
use crate::proxy::Proxy;

pub use self::observer::{Observer, wall};
pub use self::options::EtcdOptions;
pub use self::version::{VERSIONS, Version};

/// A running etcd. Dropping it ends its processes and removes its files.
pub struct Etcd {
    members: Vec<Member>,
    /// In front of each member's peer port, if members can be split.
    peers: Vec<Proxy>,
    options: EtcdOptions,
    _dir: TempDir,
}

/// One member: a shell that ends the server when its input closes, and the server's addresses.
struct Member {
    shell: Child,
    launch: Launch,
    /// Where it tells its health and its metrics, in plain text whatever the clients speak.
    port: u16,
    endpoint: String,
    /// All of its ports, also while it is down.
    _ports: [Port; 3],
}

/// How a member is started, the first time and again.
struct Launch {
    data: PathBuf,
    /// What it says.
    log: PathBuf,
    arguments: Vec<OsString>,
}

/// Where one member listens.
struct Address {
    name: String,
    /// For clients, for other members, and for health and metrics.
    ports: [Port; 3],
    client: String,
    peer: String,
    /// Where the other members reach it: there, or at a proxy in front of it.
    advertised: String,
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
        let mut addresses = (0..options.members)
            .map(|number| Address::free(number, options.scheme()))
            .collect::<io::Result<Vec<_>>>()?;
        let peers = match options.splittable {
            true => split::in_front_of(&mut addresses)?,
            false => Vec::new(),
        };
        let cluster: Vec<_> = addresses
            .iter()
            .map(|address| format!("{}={}", address.name, address.advertised))
            .collect();
        let cluster = cluster.join(",");
        let members = addresses
            .into_iter()
            .map(|address| address.start(&binary, &options, dir.path(), &cluster))
            .collect::<io::Result<Vec<_>>>()?;
        for member in &members {
            member.wait_until_healthy()?;
        }
        Ok(Self {
            members,
            peers,
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
        let members = self.members.iter();
        members.map(|member| member.metric(name)).sum()
    }
}

impl Address {
    fn free(number: usize, scheme: &str) -> io::Result<Self> {
        let ports = [Port::reserve()?, Port::reserve()?, Port::reserve()?];
        let [client, peer, port] = ports.each_ref().map(Port::number);
        let peer = format!("http://127.0.0.1:{peer}");
        Ok(Self {
            name: format!("t{number}"),
            ports,
            client: format!("{scheme}://127.0.0.1:{client}"),
            advertised: peer.clone(),
            peer,
            metrics: format!("http://127.0.0.1:{port}"),
        })
    }

    fn start(
        self,
        binary: &Path,
        options: &EtcdOptions,
        dir: &Path,
        cluster: &str,
    ) -> io::Result<Member> {
        let data = dir.join(&self.name);
        let mut arguments: Vec<OsString> = vec![binary.into()];
        let mut add = |name: &str, value: OsString| arguments.extend([name.into(), value]);
        add("--name", self.name.into());
        add("--log-level", "error".into());
        add("--logger", "zap".into());
        add("--data-dir", data.clone().into());
        add("--listen-client-urls", self.client.clone().into());
        add("--advertise-client-urls", self.client.clone().into());
        add("--listen-peer-urls", self.peer.into());
        add("--initial-advertise-peer-urls", self.advertised.into());
        add("--initial-cluster", cluster.into());
        add("--listen-metrics-urls", self.metrics.into());
        arguments.extend(options.flags.iter().map(OsString::from));
        let log = data.with_extension("log");
        let launch = Launch {
            data,
            log,
            arguments,
        };
        Ok(Member {
            shell: launch.run()?,
            launch,
            port: self.ports[2].number(),
            endpoint: self.client,
            _ports: self.ports,
        })
    }
}

impl Launch {
    fn run(&self) -> io::Result<Child> {
        // The shell ends the server when its input closes, which it does even if this test is killed.
        let script = r#""$@" </dev/null & pid=$!; read _; kill -9 $pid; wait $pid"#;
        Command::new("sh")
            .args(["-c", script, "sh"])
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(File::options().create(true).append(true).open(&self.log)?)
            .spawn()
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
        let said = std::fs::read_to_string(&self.launch.log)?;
        let error = format!("etcd did not become healthy, and says:\n{said}");
        Err(io::Error::other(error))
    }
}

impl Member {
    /// What it says of itself under `name`, see [`Etcd::metric`].
    fn metric(&self, name: &str) -> io::Result<f64> {
        let text = get(self.port, "/metrics")?;
        let values = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let labelled = rest.starts_with(['{', ' ', ',']);
            labelled.then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
        });
        Ok(values.sum())
    }

    /// Kills it, and waits until it is dead.
    fn end(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.end();
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
