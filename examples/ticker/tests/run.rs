//! A program as a job: all workers tick, and a signal ends them in order.

#![allow(clippy::unwrap_used, reason = "a test that fails should say where")]

use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use tests::program::Program;

#[test]
fn three_workers_tick_until_they_are_asked_to_stop() {
    let state = tempfile::TempDir::new().unwrap();
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.yml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ticker"));
    command
        .arg("run")
        .arg(config)
        .env("XDG_STATE_HOME", state.path());
    let mut ticker = Program::start(&mut command).unwrap();

    let mut missing = vec![0, 1, 2];
    while !missing.is_empty() {
        let line = ticker
            .wait_for(|line| line.contains("tick of worker"))
            .unwrap();
        missing.retain(|worker| !line.contains(&format!("tick of worker {worker} of 3")));
    }
    ticker.signal(Signal::TERM).unwrap();
    ticker.finish().unwrap().success().unwrap();
}
