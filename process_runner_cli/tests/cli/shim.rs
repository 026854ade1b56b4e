//! The shim alone, driven over its socket as a node drives it.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::process::{PR_CLI, wait_until_none};

struct Shim {
    child: Child,
    socket: UnixStream,
    mark: String,
}

impl Shim {
    fn start(script: &str) -> Self {
        let (socket, theirs) = UnixStream::pair().unwrap();
        let mark = format!("{}-{:?}", std::process::id(), std::thread::current().id());
        let child = Command::new(PR_CLI)
            .args(["--pr-shim-supervise", "sh", "-c", script])
            .env("PR_TEST_MARK", &mark)
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mark = format!("PR_TEST_MARK={mark}");
        Self {
            child,
            socket,
            mark,
        }
    }

    /// Reads one line of the program, so that it is known to run.
    fn ready(&mut self) {
        let mut byte = [0];
        while byte[0] != b'\n' {
            self.child
                .stdout
                .as_mut()
                .unwrap()
                .read_exact(&mut byte)
                .unwrap();
        }
    }

    /// What the shim reports in the end.
    fn report(mut self) -> String {
        let mut report = String::new();
        self.socket.read_to_string(&mut report).unwrap();
        self.child.wait().unwrap();
        assert_eq!(crate::process::alive(&self.mark), 0);
        report
    }
}

#[test]
fn the_end_of_the_program_is_reported() {
    assert_eq!(Shim::start("exit 7").report(), "exited 7\n");
    assert_eq!(Shim::start("kill -9 $$").report(), "killed 9\n");
}

#[test]
fn one_byte_asks_for_term() {
    let mut shim = Shim::start("trap 'exit 4' TERM; echo; while :; do sleep 0.01; done");
    shim.ready();
    shim.socket.write_all(b"T").unwrap();
    assert_eq!(shim.report(), "exited 4\n");
}

#[test]
fn closing_one_side_kills_everything_and_the_other_still_hears_of_it() {
    let mut shim = Shim::start("trap '' TERM; setsid sh -c 'sleep 1000 & wait' & echo; wait");
    shim.ready();
    shim.socket.shutdown(Shutdown::Write).unwrap();
    assert_eq!(shim.report(), "killed 9\n");
}

#[test]
fn orphans_are_reaped_while_the_program_runs() {
    // Each `sh` leaves an orphan to the shim. A zombie counts as a child of its.
    let script = "for n in 1 2 3; do sh -c 'true &'; done; \
                  until test -z \"$(pgrep -P $PPID -r Z)\"; do :; done; exit 5";
    assert_eq!(Shim::start(script).report(), "exited 5\n");
}

#[test]
fn the_death_of_the_shim_kills_the_program() {
    let mut shim = Shim::start("trap '' TERM; echo; while :; do :; done");
    shim.ready();
    kill_process(Pid::from_child(&shim.child), Signal::KILL).unwrap();
    shim.child.wait().unwrap();
    wait_until_none(&shim.mark);
}

#[test]
fn the_death_of_the_node_kills_everything() {
    let mut shim = Shim::start("trap '' TERM; setsid sleep 1000 & sleep 1000 & echo; wait");
    shim.ready();
    let Shim {
        mut child,
        socket,
        mark,
    } = shim;
    drop(socket);
    child.wait().unwrap();
    wait_until_none(&mark);
}
