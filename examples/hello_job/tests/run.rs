//! The smallest example, run.

#![allow(clippy::unwrap_used, reason = "a test that fails should say where")]

use std::path::Path;
use std::process::Command;

use tests::program::Program;

#[test]
fn each_worker_greets_three_times_and_then_the_program_ends() {
    let state = tempfile::TempDir::new().unwrap();
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.yml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_hello_job"));
    command.arg("run").arg(config).arg("--until-idle");
    command.env("XDG_STATE_HOME", state.path());
    let lines = Program::start(&mut command)
        .unwrap()
        .finish()
        .unwrap()
        .success()
        .unwrap();
    for worker in 0..2 {
        for time in 1..=3 {
            let greeting = format!("worker {worker}: hello, world ({time})");
            let count = lines.iter().filter(|line| **line == greeting).count();
            assert_eq!(count, 1, "`{greeting}` in {lines:#?}");
        }
    }
}
