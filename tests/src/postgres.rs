//! A PostgreSQL server of one test: fresh, reached through a Unix socket, gone with its guard.
//!
//! The binaries come from `PR_POSTGRES_BIN` (`cargo xtask test` sets it), else from the places
//! where distributions put them. PostgreSQL refuses to run as root; then the server runs as
//! `postgres` or `nobody`.

use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A running server. Dropping it ends the server and removes its files.
pub struct Postgres {
    server: Child,
    user: Option<User>,
    bin: PathBuf,
    dir: TempDir,
}

#[derive(Clone, Copy)]
struct User {
    uid: u32,
    gid: u32,
}

impl Postgres {
    /// Starts a server and returns once it accepts connections.
    ///
    /// # Errors
    ///
    /// If there is no PostgreSQL, with what to do about it, or the server does not start.
    pub fn start() -> io::Result<Self> {
        let bin = find_binaries()?;
        let user = unprivileged_user()?;
        let dir = tempfile::Builder::new().prefix("pr-pg-").tempdir()?;
        if let Some(user) = user {
            chown(dir.path(), Some(user.uid), Some(user.gid))?;
        }
        let data = dir.path().join("data");
        let initdb = command(&bin.join("initdb"), user)
            .args(["--auth=trust", "--username=postgres", "--no-sync", "-D"])
            .arg(&data)
            .output()?;
        if !initdb.status.success() {
            return Err(io::Error::other(
                String::from_utf8_lossy(&initdb.stderr).into_owned(),
            ));
        }
        let mut server = command(&bin.join("postgres"), user)
            .args([
                "-F",
                "-c",
                "listen_addresses=",
                "-c",
                "max_connections=50",
                "-k",
            ])
            .arg(dir.path())
            .arg("-D")
            .arg(&data)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        wait_until_ready(&mut server)?;
        Ok(Self {
            server,
            user,
            bin,
            dir,
        })
    }

    /// Creates an empty database and returns its URL.
    ///
    /// # Errors
    ///
    /// If the server refuses, for example because the name is taken.
    pub fn database(&self, name: &str) -> io::Result<String> {
        let output = command(&self.bin.join("createdb"), self.user)
            .arg("--username=postgres")
            .arg("--host")
            .arg(self.dir.path())
            .arg(name)
            .output()?;
        if !output.status.success() {
            return Err(io::Error::other(
                String::from_utf8_lossy(&output.stderr).into_owned(),
            ));
        }
        let socket = self.dir.path().display();
        Ok(format!(
            "postgres://postgres@localhost/{name}?host={socket}"
        ))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The data is thrown away, so there is nothing to shut down in order.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The server says so itself, on its standard error, which is then read to its end.
fn wait_until_ready(server: &mut Child) -> io::Result<()> {
    let Some(stderr) = server.stderr.take() else {
        return Err(io::Error::other("the server has no standard error"));
    };
    let mut lines = BufReader::new(stderr).lines();
    let mut seen = String::new();
    for line in lines.by_ref() {
        let line = line?;
        if line.contains("ready to accept connections") {
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(());
        }
        seen.push_str(&line);
        seen.push('\n');
    }
    let _ = server.wait();
    Err(io::Error::other(format!(
        "PostgreSQL did not start:\n{seen}"
    )))
}

fn find_binaries() -> io::Result<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql");
    let mut versions: Vec<PathBuf> = versions
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    versions.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::var_os("PR_POSTGRES_BIN")
        .map(PathBuf::from)
        .into_iter()
        .chain(versions.into_iter().rev())
        .chain(std::env::split_paths(&path))
        .find(|dir| {
            ["initdb", "postgres", "createdb"]
                .iter()
                .all(|p| dir.join(p).is_file())
        })
        .ok_or_else(|| {
            io::Error::other(
                "this test needs PostgreSQL: `cargo xtask test` provides it, or install your \
                 distribution's `postgresql`, or set PR_POSTGRES_BIN",
            )
        })
}

/// Whom to run the server as; `None` if this process is unprivileged itself.
fn unprivileged_user() -> io::Result<Option<User>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let passwd = std::fs::read_to_string("/etc/passwd")?;
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| passwd.lines().find_map(|line| user_in(line, name)))
        .map(Some)
        .ok_or_else(|| io::Error::other("no user `postgres` or `nobody` to run PostgreSQL as"))
}

fn user_in(line: &str, name: &str) -> Option<User> {
    let mut fields = line.split(':');
    (fields.next()? == name).then_some(())?;
    let (uid, gid) = (fields.nth(1)?, fields.next()?);
    Some(User {
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
    })
}

fn command(program: &Path, user: Option<User>) -> Command {
    let mut command = Command::new(program);
    // The working directory of the test may be closed to the other user.
    command.current_dir("/");
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
    command
}
