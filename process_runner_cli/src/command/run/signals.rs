//! Signals of the operator, turned into presses on the node's handle.
//!
//! One thread of its own waits for them, so that they are heard while every other thread is busy.
//! SIGPIPE is ignored by Rust's runtime already: `run | head` does not stop a node.

use std::thread;

use process_runner::NodeHandle;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

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
    let (mut terminate, mut interrupt) = {
        let _guard = runtime.enter();
        let terminate = signal(SignalKind::terminate()).map_err(unusable)?;
        (
            terminate,
            signal(SignalKind::interrupt()).map_err(unusable)?,
        )
    };
    let listen = async move {
        for presses in 1.. {
            tokio::select! {
                Some(()) = terminate.recv() => {}
                Some(()) = interrupt.recv() => {}
                else => return,
            }
            match presses {
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
    };
    thread::Builder::new()
        .name("pr-signals".to_owned())
        .spawn(move || runtime.block_on(listen))
        .map_err(unusable)
}
