//! Killing everything that a run started, wherever it went.
//!
//! A process whose parent died becomes a child of the nearest subreaper, which is this process. So
//! killing and reaping the children until there are none gets them all, daemons included. The
//! children come from the kernel's own list, not from a search through all processes.

use std::fs;
use std::io;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getpid, kill_process, waitid};

/// Kills and reaps every descendant. Blocks while one hangs in the kernel.
pub(super) fn kill_all() {
    loop {
        let Ok(children) = children() else {
            return;
        };
        for child in &children {
            // It is unreaped, so this process id is still its own.
            let _ = kill_process(*child, Signal::KILL);
        }
        match waitid(WaitId::All, WaitIdOptions::EXITED) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            // No children.
            Err(_) => return,
        }
    }
}

/// The children of this process, dead ones included. All belong to the main thread, which starts
/// the program and inherits the orphans.
pub fn children() -> io::Result<Vec<Pid>> {
    let me = getpid().as_raw_nonzero();
    let list = fs::read_to_string(format!("/proc/{me}/task/{me}/children"))?;
    let pids = list
        .split_ascii_whitespace()
        .filter_map(|pid| pid.parse().ok());
    Ok(pids.filter_map(Pid::from_raw).collect())
}
