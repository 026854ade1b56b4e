//! The two streams: data on stdout, everything else on stderr.
//!
//! A reader that closes its end early (`pr-cli jobs | head -1`) has what it wanted, so a broken
//! pipe ends the command in silence and with success. Nothing here panics, as `println!` would.

use std::io::{self, ErrorKind, IsTerminal, Write};

use serde::Serialize;

use crate::exit::{Exit, Failure};

/// Writes `text` to stdout, as it is.
pub(crate) fn data(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::new(
            Exit::Failure,
            format!("cannot write to stdout: {error}"),
        )),
        _ => Ok(()),
    }
}

/// Writes `document` to stdout as one JSON document over several lines.
pub(crate) fn json(document: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(document)
        .map_err(|error| Failure::new(Exit::Internal, format!("cannot write JSON: {error}")))?;
    data(&format!("{text}\n"))
}

/// Writes `text` and a line end to stderr. There is nowhere to tell that this failed.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether stderr may have colours: it is a terminal, and nobody set `NO_COLOR`.
pub(crate) fn color_on_stderr() -> bool {
    io::stderr().is_terminal() && color_wanted()
}

fn color_wanted() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
