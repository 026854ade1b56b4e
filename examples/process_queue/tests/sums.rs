//! The results are checked by a program that others wrote: `sha256sum`.

#![allow(clippy::unwrap_used, reason = "a test that fails should say where")]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use process_queue::digest::Digest;
use process_queue::{sums, tree};
use tempfile::TempDir;

const NAMES: [&[u8]; 9] = [
    b"plain",
    b" two  spaces ",
    b"back\\slash",
    b"line\nbreak",
    b"carriage\rreturn",
    b"ends in one\r",
    b"\\nboth\n",
    b"*star",
    b"\xff\xfe not text",
];

#[tokio::test]
async fn sha256sum_agrees_with_every_line() {
    let files = odd_files();
    let list = TempDir::new().unwrap();
    let list = list.path().join("SHA256SUMS");
    let lines = write_sums(files.path(), &list).await;
    assert_eq!(lines, NAMES.len() + 2);

    assert_eq!(check(&list), (true, String::new()));
    std::fs::write(files.path().join("plain"), "changed").unwrap();
    assert!(!check(&list).0, "the check must be able to fail");
}

/// Odd names, an empty file, and one that is larger than a piece.
fn odd_files() -> TempDir {
    let files = TempDir::new().unwrap();
    for name in NAMES {
        std::fs::write(files.path().join(OsStr::from_bytes(name)), name).unwrap();
    }
    std::fs::write(files.path().join("empty"), "").unwrap();
    std::fs::write(files.path().join("large"), vec![7; 3_000_001]).unwrap();
    files
}

async fn write_sums(files: &Path, list: &Path) -> usize {
    let mut out = Vec::new();
    let found = tree::list(files).await.unwrap();
    for file in &found {
        let digest = Digest::of_file(&file.path, || ()).await.unwrap();
        assert_eq!(digest.size, std::fs::metadata(&file.path).unwrap().len());
        sums::write_line(&mut out, &file.path, &digest).unwrap();
    }
    std::fs::write(list, out).unwrap();
    found.len()
}

fn check(list: &Path) -> (bool, String) {
    let output = Command::new("sha256sum")
        .args(["--quiet", "--strict", "--check"])
        .arg(list)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), told)
}
