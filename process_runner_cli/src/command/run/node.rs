//! The node itself: run, stopped by signals, and how it ended as an exit code.

use std::thread;

use process_runner::config::Config;
use process_runner::{Node, NodeEnd, NodeError, NodeHandle, Registry};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::RunArgs;
use crate::exit::{Exit, Failure};

/// Runs a node to its end.
pub(super) fn run(
    config: Config,
    registry: Registry,
    arguments: &RunArgs,
) -> Result<Exit, Failure> {
    let node = Node::new(config, registry)
        .until_idle(arguments.until_idle)
        .wait(arguments.wait);
    stop_on_signals(node.handle())?;
    match node.run() {
        Ok(end) => Ok(exit(end)),
        Err(error) => Err(failure(&error)),
    }
}

fn exit(end: NodeEnd) -> Exit {
    match end {
        NodeEnd::Clean => Exit::Clean,
        NodeEnd::CutOff { .. } | NodeEnd::Outlived { lost: false, .. } => Exit::DrainDeadline,
        NodeEnd::Outlived { lost: true, .. } => Exit::LostMembership,
        _ => Exit::Failure,
    }
}

fn failure(error: &NodeError) -> Failure {
    let exit = match error {
        NodeError::App(_) | NodeError::UnknownClass { .. } | NodeError::Job { .. } => {
            Exit::InvalidConfig
        }
        NodeError::Coordination(error) if error.is_transient() => Exit::Unavailable,
        NodeError::Thread(_) => Exit::Internal,
        _ => Exit::Failure,
    };
    Failure::new(exit, error.to_string())
}

/// TERM and INT stop the node, each further one more urgently. The thread ends with the process.
fn stop_on_signals(node: NodeHandle) -> Result<(), Failure> {
    let broken = |error: std::io::Error| {
        Failure::new(Exit::Internal, format!("cannot listen to signals: {error}"))
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(broken)?;
    // Listening begins here, so that no signal is missed while the thread starts.
    let (mut term, mut int) = {
        let _inside = runtime.enter();
        let term = signal(SignalKind::terminate()).map_err(broken)?;
        (term, signal(SignalKind::interrupt()).map_err(broken)?)
    };
    let listen = move || {
        runtime.block_on(async move {
            loop {
                tokio::select! {
                    _ = term.recv() => {}
                    _ = int.recv() => {}
                }
                node.stop();
            }
        });
    };
    thread::Builder::new()
        .name("pr-signals".to_owned())
        .spawn(listen)
        .map_err(broken)?;
    Ok(())
}
