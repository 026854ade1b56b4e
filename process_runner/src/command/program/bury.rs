//! Reaping a run: at once if it has ended, on a thread of its own if it was only just killed.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{PidfdFlags, Signal, pidfd_open};

use super::Outcome;
use super::running::{Link, Running};

/// The shim may take so long to kill and reap its descendants. Then it is killed itself, which
/// kills the program, and what is left goes to whoever reaps orphans.
const SHIM_PATIENCE: Duration = Duration::from_secs(2);

/// Reaps a run whose child is known to be dead, so it does not block.
pub(super) fn ended(mut running: Running) -> Outcome {
    if let Link::Group = running.link {
        // Members of the group outlive their leader; the leader is not reaped yet, so the
        // group's id is still its own.
        running.signal(Signal::KILL);
    }
    let status = running.child.wait();
    match (&mut running.link, status) {
        (Link::Shim(socket), _) => socket.take().map_or(Outcome::Vanished, report),
        (Link::Group, Ok(status)) => Outcome::of(status),
        (Link::Group, Err(_)) => Outcome::Vanished,
    }
}

/// Reaps a run that was told to die. The thread ends when it is dead.
pub(super) fn later(running: Running) {
    let buried = thread::Builder::new()
        .name("pr-reaper".to_owned())
        .spawn(move || wait(running));
    // Without a thread the dead child stays a zombie until this process ends.
    drop(buried);
}

fn wait(mut running: Running) {
    if let Link::Shim(_) = running.link
        && !dies_within(&running, SHIM_PATIENCE)
    {
        running.signal(Signal::KILL);
    }
    let _ = running.child.wait();
}

fn dies_within(running: &Running, patience: Duration) -> bool {
    let Ok(pidfd) = pidfd_open(running.group, PidfdFlags::empty()) else {
        return false;
    };
    let timeout = Timespec::try_from(patience).ok();
    let mut fds = [PollFd::new(&pidfd, PollFlags::IN)];
    matches!(poll(&mut fds, timeout.as_ref()), Ok(ready) if ready > 0)
}

/// What the shim wrote before it ended.
fn report(mut socket: UnixStream) -> Outcome {
    let mut line = Vec::new();
    // The shim is dead, so all that it wrote is here, but perhaps not the end: a child that another thread
    // forks meanwhile has a copy of the other end too, until its `exec`. So "nothing more yet" is an end.
    let _ = socket
        .set_nonblocking(true)
        .and_then(|()| socket.read_to_end(&mut line));
    match String::from_utf8(line) {
        Ok(line) => Outcome::from_line(&line),
        Err(_) => Outcome::Vanished,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_report_counts_though_a_forked_child_has_the_other_end_still() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let outcome = Outcome::Exited(3);
        theirs.write_all(outcome.to_line().as_bytes()).unwrap();
        assert_eq!(report(ours), outcome);
        drop(theirs);
    }

    #[test]
    fn without_a_report_nobody_knows() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        assert_eq!(report(ours), Outcome::Vanished);
    }
}
