//! The first stage: it starts the program, listens to the node and leaves nothing behind.
//!
//! The main thread waits for children, the other one for the node. They share the group's id under
//! a lock, so that no signal is sent once the leader is reaped and its id may be somebody else's.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getpid, kill_process_group};
use rustix::process::{set_child_subreaper, waitid};

use super::super::program::Outcome;
use super::{BECOME, TERMINATE, descendants};

/// The process group of the program while it may be signalled.
type Group = Arc<Mutex<Option<Pid>>>;

/// Runs the program to its end and reports it.
pub(super) fn main(argv: &[OsString]) -> ExitCode {
    let socket = match io::stdin().as_fd().try_clone_to_owned() {
        Ok(stdin) => UnixStream::from(stdin),
        Err(_) => return ExitCode::FAILURE,
    };
    let outcome =
        supervise(argv, &socket).unwrap_or_else(|error| Outcome::NotStarted(error.to_string()));
    // If the node is gone, nobody asks.
    let _ = (&socket).write_all(outcome.to_line().as_bytes());
    ExitCode::SUCCESS
}

fn supervise(argv: &[OsString], socket: &UnixStream) -> io::Result<Outcome> {
    set_child_subreaper(Some(getpid()))?;
    let listener = socket.try_clone()?;
    let child = Command::new("/proc/self/exe")
        .arg(BECOME)
        .arg(getpid().as_raw_nonzero().to_string())
        .args(argv)
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()?;
    let leader = Pid::from_child(&child);
    let group: Group = Arc::new(Mutex::new(Some(leader)));
    let listening = thread::Builder::new().spawn({
        let group = Arc::clone(&group);
        move || listen(listener, &group)
    });
    if listening.is_err() {
        signal(&group, Signal::KILL);
    }
    reap_until(leader)?;
    let status = end_group(&group, child)?;
    descendants::kill_all();
    Ok(Outcome::of(status))
}

/// Does what the node asks until it closes its side, which means: kill.
fn listen(mut socket: UnixStream, group: &Group) {
    let mut byte = [0];
    loop {
        match socket.read(&mut byte) {
            Ok(1) if byte[0] == TERMINATE => {
                signal(group, Signal::TERM);
                // A stopped program cannot react.
                signal(group, Signal::CONT);
            }
            Ok(1) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => return signal(group, Signal::KILL),
        }
    }
}

fn signal(group: &Group, signal: Signal) {
    let group = group.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(group) = *group {
        // It fails only if all of them are dead.
        let _ = kill_process_group(group, signal);
    }
}

/// Waits for `leader` to exit without reaping it, and reaps the orphans that end before.
fn reap_until(leader: Pid) -> io::Result<()> {
    let exited = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    loop {
        // Any child: the leader, or an orphan that this subreaper inherited.
        match waitid(WaitId::All, exited) {
            Err(rustix::io::Errno::INTR) => continue,
            other => other?,
        };
        if waitid(WaitId::Pid(leader), exited | WaitIdOptions::NOHANG)?.is_some() {
            return Ok(());
        }
        let Ok(children) = descendants::children() else {
            // Orphans cannot be told apart here: they stay zombies until the leader ends.
            waitid(WaitId::Pid(leader), exited)?;
            return Ok(());
        };
        for orphan in children.into_iter().filter(|child| *child != leader) {
            let _ = waitid(
                WaitId::Pid(orphan),
                WaitIdOptions::EXITED | WaitIdOptions::NOHANG,
            );
        }
    }
}

/// Kills what is left of the group, reaps its leader, and gives up the group's id.
fn end_group(group: &Group, mut leader: Child) -> io::Result<ExitStatus> {
    let mut group = group.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(group) = group.take() {
        let _ = kill_process_group(group, Signal::KILL);
    }
    leader.wait()
}
