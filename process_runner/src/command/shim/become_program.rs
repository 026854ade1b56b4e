//! The second stage: it ties its life to its parent's and becomes the program.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// What a shell answers for a program it does not find.
const NOT_FOUND: u8 = 127;

/// Returns only if it fails.
pub(super) fn main(parent: &OsStr, argv: &[OsString]) -> ExitCode {
    // The signal follows the thread that started us, which is the only one of the first stage
    // that lives as long as it does: its main thread.
    let bound = set_parent_process_death_signal(Some(Signal::KILL));
    // The parent may have died before the line above; then nobody would tell us.
    let orphaned = getppid()
        .map(Pid::as_raw_nonzero)
        .map(|pid| pid.to_string())
        != parent.to_str().map(str::to_owned);
    if bound.is_err() || orphaned {
        return NOT_FOUND.into();
    }
    let Some((program, args)) = argv.split_first() else {
        return NOT_FOUND.into();
    };
    let error = Command::new(program).args(args).exec();
    let _ = writeln!(
        std::io::stderr(),
        "cannot start `{}`: {error}",
        program.display()
    );
    NOT_FOUND.into()
}
