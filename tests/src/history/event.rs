//! What is written down, and how it reads.

use std::fmt;
use std::time::Duration;

/// Something that happened. Events are in the order in which they took place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, on a clock that all of them share.
    pub at: Duration,
    /// What.
    pub what: What,
}

/// What happened. A slot reads `job@index`, a process `node#run`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are what their names say")]
pub enum What {
    /// The store: the slot was put, and `token` is its fence.
    Granted {
        slot: String,
        node: String,
        token: u64,
    },
    /// The store: the slot's key is gone.
    Freed { slot: String },
    /// A worker came to life under this token.
    Acquired {
        slot: String,
        process: String,
        token: u64,
    },
    /// It began a piece of work.
    Began {
        slot: String,
        process: String,
        token: u64,
    },
    /// The piece of work ended, or was dropped.
    Ended {
        slot: String,
        process: String,
        token: u64,
    },
    /// The worker's value was dropped: nothing more of it may come.
    Stopped {
        slot: String,
        process: String,
        token: u64,
    },
    /// The resource accepted or refused unit `unit` under `token`.
    Effect {
        slot: String,
        process: String,
        token: u64,
        unit: u64,
        accepted: bool,
    },
    /// The process stands still, as after SIGSTOP.
    Paused { process: String },
    /// It goes on.
    Resumed { process: String },
    /// It is gone, and all of its work with it.
    Died { process: String },
    /// Somebody outside deleted the slot's key.
    SlotTampered { slot: String },
    /// Somebody outside revoked the lease of the process.
    LeaseTampered { process: String },
    /// A leader of etcd that stood still goes on. Some versions (before 3.4.31 and 3.5.13, etcd#15247)
    /// then revoke leases that others have renewed meanwhile.
    LeaderWoken,
    /// No fault is left, and these slots have to run again.
    Calm { slots: Vec<String> },
    /// Something that explains the rest to a reader.
    Note(String),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at;
        write!(f, "{:4}.{:06} ", at.as_secs(), at.subsec_micros())?;
        match &self.what {
            What::Granted { slot, node, token } => {
                write!(f, "store    granted {slot} to {node}, token {token}")
            }
            What::Freed { slot } => write!(f, "store    freed {slot}"),
            What::Acquired {
                slot,
                process,
                token,
            } => write!(f, "{process:8} acquired {slot}, token {token}"),
            What::Began {
                slot,
                process,
                token,
            } => write!(f, "{process:8} began {slot}, token {token}"),
            What::Ended {
                slot,
                process,
                token,
            } => write!(f, "{process:8} ended {slot}, token {token}"),
            What::Stopped {
                slot,
                process,
                token,
            } => write!(f, "{process:8} stopped {slot}, token {token}"),
            What::Effect {
                slot,
                process,
                token,
                unit,
                accepted,
            } => {
                let verdict = if *accepted { "accepted" } else { "refused" };
                write!(
                    f,
                    "{process:8} unit {unit} of {slot}, token {token}: {verdict}"
                )
            }
            What::Paused { process } => write!(f, "{process:8} paused"),
            What::Resumed { process } => write!(f, "{process:8} resumed"),
            What::Died { process } => write!(f, "{process:8} died"),
            What::SlotTampered { slot } => write!(f, "outside  deletes {slot}"),
            What::LeaseTampered { process } => write!(f, "outside  revokes {process}'s lease"),
            What::LeaderWoken => write!(f, "outside  wakes a leader of etcd"),
            What::Calm { slots } => write!(f, "world    calm; {} slots are to run", slots.len()),
            What::Note(text) => write!(f, "world    {text}"),
        }
    }
}
