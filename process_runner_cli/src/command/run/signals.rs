//! Signals of the operator, turned into calls of the node's handle.
//!
//! | signal | does |
//! |---|---|
//! | TERM, INT | drains and exits; once more cancels what runs; a third time exits now |
//! | TSTP, USR1 | quiet: hands the slots over and takes none |
//! | CONT | takes slots again |
//! | TTIN | writes the worker table to the log |
//! | HUP | says that the configuration is read at start only |
//!
//! One thread of its own waits for them, so that they are heard while every other thread is busy.
//! SIGPIPE is ignored by Rust's runtime already: `run | head` does not stop a node.

use std::thread;

use process_runner::NodeHandle;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::{Exit, Failure};

/// Listens from now on until the process ends.
pub(super) fn steer(node: NodeHandle) -> Result<thread::JoinHandle<()>, Failure> {
    let unusable =
        |error: std::io::Error| Failure::new(Exit::Internal, format!("signals: {error}"));
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(unusable)?;
    // Registered here, so that a signal that arrives before the thread runs is not lost.
    let signals = {
        let _guard = runtime.enter();
        Signals::register().map_err(unusable)?
    };
    let listen = listen(signals, node);
    thread::Builder::new()
        .name("pr-signals".to_owned())
        .spawn(move || runtime.block_on(listen))
        .map_err(unusable)
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    stop: Signal,
    user: Signal,
    resume: Signal,
    dump: Signal,
    hang_up: Signal,
}

impl Signals {
    fn register() -> std::io::Result<Self> {
        let raw = |number: rustix::process::Signal| signal(SignalKind::from_raw(number.as_raw()));
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            stop: raw(rustix::process::Signal::TSTP)?,
            user: signal(SignalKind::user_defined1())?,
            resume: raw(rustix::process::Signal::CONT)?,
            dump: raw(rustix::process::Signal::TTIN)?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }
}

async fn listen(mut signals: Signals, node: NodeHandle) {
    let mut presses = 0;
    loop {
        tokio::select! {
            Some(()) = signals.terminate.recv() => press(&mut presses, &node),
            Some(()) = signals.interrupt.recv() => press(&mut presses, &node),
            Some(()) = signals.stop.recv() => node.quiet(),
            Some(()) = signals.user.recv() => node.quiet(),
            Some(()) = signals.resume.recv() => node.resume(),
            Some(()) = signals.dump.recv() => node.dump(),
            Some(()) = signals.hang_up.recv() => {
                tracing::warn!("the configuration is read at start only; restart to reload it");
            }
            else => return,
        }
    }
}

fn press(presses: &mut u32, node: &NodeHandle) {
    *presses += 1;
    match *presses {
        1 => tracing::info!("stopping; once more cancels what runs"),
        2 => tracing::warn!("cancelling; once more exits at once"),
        _ => {
            tracing::warn!("exiting at once");
            // The lease is left to run out: nothing proves that the workers stopped.
            std::process::exit(Exit::DrainDeadline.code().into());
        }
    }
    node.stop();
}
