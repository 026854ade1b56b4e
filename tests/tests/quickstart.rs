//! The quick start of the README, as a new user types it: word for word, outside of the workspace.

#![allow(clippy::unwrap_used, reason = "a test that fails should say where")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

#[test]
fn what_the_readme_says_works() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let script = first_shell_block(&readme);
    assert!(lines_of_user_code(script) < 40);

    let dir = tempfile::TempDir::new().unwrap();
    symlink(root, dir.path().join("process_runner")).unwrap();
    // Settled before the script's own cargo does it: the versions that this workspace was tested with.
    let script = script.replacen(
        "cargo run",
        "cp ../process_runner/Cargo.lock . && cargo run",
        1,
    );
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .current_dir(dir.path())
        // Built like the workspace and beside it, so that dependencies are built once.
        .env("CARGO_TARGET_DIR", root.join("target"))
        .env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only")
        // Not the directory itself, where `process_runner` is the link to the sources.
        .env("XDG_STATE_HOME", dir.path().join("state"))
        .env("XDG_RUNTIME_DIR", dir.path())
        .output()
        .unwrap();

    let told = String::from_utf8_lossy(&output.stdout);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{log}");
    for worker in 0..3 {
        let last = format!("worker {worker} of 3: drop 4");
        assert!(told.contains(&last), "no `{last}` in:\n{told}\n{log}");
    }
}

fn first_shell_block(readme: &str) -> &str {
    let block = readme.split("```sh\n").nth(1).unwrap();
    block.split("```").next().unwrap()
}

fn lines_of_user_code(script: &str) -> usize {
    let main = script.split("EOF_MAIN").nth(1).unwrap();
    main.lines().filter(|line| !line.trim().is_empty()).count()
}
