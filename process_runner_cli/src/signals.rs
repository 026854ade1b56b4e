//! The signals of an operator, as what they ask for: the same for a node and for its guardian.
//!
//! | signal | asks |
//! |---|---|
//! | TERM, INT | to stop: once more cancels what runs, a third time exits now |
//! | TSTP, USR1 | to be quiet: hand the slots over and take none |
//! | CONT | to take slots again |
//! | TTIN | for the worker table in the log |
//! | HUP | to read the configuration again |
//!
//! SIGPIPE is ignored by Rust's runtime already: `run | head` does not stop a node.

use std::io;

use rustix::process::Signal as Number;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Stop,
    Quiet,
    Resume,
    Dump,
    HangUp,
}

/// The signals that arrived and were not looked at yet.
pub(crate) struct Signals(Vec<(Signal, Asked)>);

impl Signals {
    /// Listens from now on. To be called within a runtime.
    pub(crate) fn register() -> io::Result<Self> {
        let all = [
            (Number::TERM, Asked::Stop),
            (Number::INT, Asked::Stop),
            (Number::TSTP, Asked::Quiet),
            (Number::USR1, Asked::Quiet),
            (Number::CONT, Asked::Resume),
            (Number::TTIN, Asked::Dump),
            (Number::HUP, Asked::HangUp),
        ];
        let listen = |(number, asked): (Number, Asked)| {
            let signal = signal(SignalKind::from_raw(number.as_raw()))?;
            Ok((signal, asked))
        };
        all.into_iter()
            .map(listen)
            .collect::<io::Result<_>>()
            .map(Self)
    }

    /// What the next signal asks for. Cancel safe.
    pub(crate) async fn next(&mut self) -> Asked {
        std::future::poll_fn(|context| {
            for (signal, asked) in &mut self.0 {
                if signal.poll_recv(context).is_ready() {
                    return std::task::Poll::Ready(*asked);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }
}
