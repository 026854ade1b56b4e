//! What everybody in the simulation logs, with the simulation's time and who it is before each line: the
//! trace says what happened, this says why. `PR_SIMULATION_LOG` says what is shown, such as `debug`.

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

/// From here on prints to standard error what is wanted. False if that is nothing.
pub(crate) fn show() -> bool {
    let Ok(filter) = std::env::var("PR_SIMULATION_LOG") else {
        return false;
    };
    // Another simulation in this process may have done so before.
    let _ = tracing_subscriber::fmt()
        .with_timer(Speaker)
        .with_ansi(false)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
    true
}
