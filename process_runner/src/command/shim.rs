//! The shim: a small process between the node and one run of a program.
//!
//! It is the node's executable, started with a first argument that no command has. There are two
//! stages, because one process cannot both watch the program and become it:
//!
//! ```text
//! supervise   holds the socket to the node; subreaper of everything the program starts
//! `- become   dies when its parent dies, then becomes the program by exec
//! ```
//!
//! The node writes one byte to ask for TERM and closes its side to have everything killed. The
//! shim writes one line, how the program ended, when nothing of the run is left. The death of the
//! node closes the socket, so it kills the run as well; the death of the shim kills the program.
//!
//! Each running program costs one shim besides: about 1 MB of memory of its own, and two more
//! `exec` a run, a few milliseconds together.

mod become_program;
mod descendants;
mod supervise;

pub use descendants::children;

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, ExitCode};

const SUPERVISE: &str = "--pr-shim-supervise";
const BECOME: &str = "--pr-shim-become";
/// What the node writes to have TERM sent.
const TERMINATE: u8 = b'T';

/// Runs the shim, if this process was started as one: then its exit code is returned.
///
/// To be called first thing in `main`, before there is another thread.
pub fn main() -> Option<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    let stage = args.next()?;
    if stage == SUPERVISE {
        let argv: Vec<OsString> = args.collect();
        Some(supervise::main(&argv))
    } else if stage == BECOME {
        let parent = args.next()?;
        let argv: Vec<OsString> = args.collect();
        Some(become_program::main(&parent, &argv))
    } else {
        None
    }
}

/// The command that starts the first stage. The caller provides the socket as its stdin.
pub(super) fn command(executable: &Path, argv: &[String]) -> Command {
    let mut command = Command::new(executable);
    command.arg(SUPERVISE).args(argv);
    command
}

/// Asks for TERM. A shim that does not listen any more has no program any more.
pub(super) fn ask_to_terminate(socket: &mut UnixStream) {
    let _ = socket.write_all(&[TERMINATE]);
}
