//! What everybody in the simulation logs, with the simulation's time and who it is before each line: the
//! trace says what happened, this says why.

use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

thread_local! {
    static SPEAKS: RefCell<(Duration, String)> = RefCell::default();
}

/// From here on `who` runs, at `now`.
pub(crate) fn speaks(now: Duration, who: &str) {
    SPEAKS.with_borrow_mut(|(at, name)| {
        *at = now;
        who.clone_into(name);
    });
}

struct Speaker;

impl FormatTime for Speaker {
    fn format_time(&self, w: &mut Writer<'_>) -> fmt::Result {
        SPEAKS.with_borrow(|(at, name)| write!(w, "{:11.6} {name:8}", at.as_secs_f64()))
    }
}

/// Prints what the filter lets through, such as `debug`, to standard error.
pub(crate) fn show(filter: &str) {
    tracing_subscriber::fmt()
        .with_timer(Speaker)
        .with_ansi(false)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}
