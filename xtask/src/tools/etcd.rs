//! Two versions of etcd: 3.4, as Debian ships it, and 3.5.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{Variables, fetch, from_environment, on_path, version_text};
use crate::error::{Error, Result};

/// `PR_ETCD_34` and `PR_ETCD_35`. Where only one version can be had, both name it.
pub(super) fn variables() -> Result<Variables> {
    let old = find("PR_ETCD_34", "3.4.").or_else(|| accept(fetch::debian_etcd()?, "3.4."));
    let new = find("PR_ETCD_35", "3.5.").or_else(|| accept(fetch::python_etcd()?, "3.5."));
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (Some(only), None) | (None, Some(only)) => {
            eprintln!(
                "xtask: only one version of etcd is to be had: {}",
                only.display()
            );
            (only.clone(), only)
        }
        (None, None) => {
            return Err(Error::Missing {
                program: "etcd",
                advice: "install etcd 3.4 or 3.5 (Debian: etcd-server), or set PR_ETCD_35 to its path",
            });
        }
    };
    Ok(vec![
        ("PR_ETCD_34", old.into_os_string()),
        ("PR_ETCD_35", new.into_os_string()),
    ])
}

fn find(variable: &str, version: &str) -> Option<PathBuf> {
    from_environment(variable).or_else(|| on_path("etcd").find_map(|file| accept(file, version)))
}

/// `file`, if it is a binary of etcd `version`.
///
/// A wrapper script will not do: tests stop and kill etcd by its process id.
fn accept(file: PathBuf, version: &str) -> Option<PathBuf> {
    let wanted = format!("etcd Version: {version}");
    (is_binary(&file) && version_text(&file).contains(&wanted)).then_some(file)
}

fn is_binary(file: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(file)
        .and_then(|mut file| file.read_exact(&mut magic))
        .is_ok_and(|()| magic == *b"\x7fELF")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapper_script_is_not_taken_for_a_binary() {
        assert!(is_binary(&std::env::current_exe().unwrap()));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        assert!(!is_binary(&script));
        assert!(!is_binary(Path::new("/nowhere/at/all")));
    }
}
