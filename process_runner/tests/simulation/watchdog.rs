//! Notices a run that does not come to an end.
//!
//! Simulated time goes on when every process waits. A task that never waits keeps the only thread
//! of its simulation for ever, so the simulation itself cannot notice. A thread beside it looks at
//! the clock on the wall, tells the story so far, and ends the program: there is no other way out.

use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::run::tell;
use super::schedule::Schedule;
use super::trace::Trace;

/// A run takes some 50 ms, without optimisations half a second, and a busy machine may be slow.
const TOO_LONG: Duration = Duration::from_secs(30);

/// Watches one run until it is dropped.
pub(crate) struct Watchdog {
    /// Dropped, it ends the thread.
    run: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    pub(crate) fn over(schedule: &Schedule, trace: &Trace) -> Self {
        let (run, ended) = channel();
        let (schedule, trace) = (schedule.clone(), trace.clone());
        let thread = std::thread::spawn(move || {
            if ended.recv_timeout(TOO_LONG) == Err(RecvTimeoutError::Timeout) {
                give_up(&schedule, &trace);
            }
        });
        Self {
            run: Some(run),
            thread: Some(thread),
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.run = None;
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn give_up(schedule: &Schedule, trace: &Trace) {
    let events = trace.events();
    let lines = events.iter().map(|event| format!("{event}\n"));
    let text = format!("{schedule}\n{}", lines.collect::<String>());
    let last = events.last().map(ToString::to_string).unwrap_or_default();
    // Not `eprintln!`: what that says is lost with the test that it is said in.
    let said = writeln!(
        std::io::stderr(),
        "seed {}\nit does not come to an end: a task runs and never waits, after\n    {last}\n{}",
        schedule.seed,
        tell(schedule.seed, &text)
    );
    std::process::exit(if said.is_ok() { 1 } else { 2 });
}
