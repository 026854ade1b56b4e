//! Why the cluster could not be steered. Each error says what to do next.

use std::fmt;

use crate::config::suggest;
use crate::coordination::CoordinationError;

/// Why a look or a change failed. Whatever it is, nothing was changed, unless it says otherwise.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClusterError {
    /// No living node declares the job, and no override names it.
    UnknownJob {
        /// The name that was given.
        job: String,
        /// The jobs there are.
        known: Vec<String>,
    },
    /// No living node has the name.
    UnknownNode {
        /// The name that was given.
        node: String,
        /// The nodes there are.
        known: Vec<String>,
    },
    /// The job has no such worker index.
    UnknownIndex {
        /// The job.
        job: String,
        /// The index that was given.
        index: u32,
        /// Its workers in force.
        workers: u32,
    },
    /// A job cannot have this number of workers.
    OutOfRange {
        /// The job.
        job: String,
        /// Its workers in force.
        workers: u32,
        /// What was asked for.
        asked: i64,
    },
    /// There is no worker to tell.
    NothingRuns {
        /// The job, or the slot.
        what: String,
    },
    /// The node drains already and will exit.
    Draining {
        /// The node.
        node: String,
    },
    /// The node went away before it obeyed.
    Gone {
        /// The node.
        node: String,
    },
    /// The node is there and did not answer. It will not obey later either.
    Unanswered {
        /// The node.
        node: String,
    },
    /// The epoch can be raised only while no node runs.
    NodesRun {
        /// The nodes that do.
        nodes: Vec<String>,
    },
    /// The epoch never falls.
    EpochNotHigher {
        /// What it is.
        before: u16,
    },
    /// etcd, or the way to it.
    Coordination(CoordinationError),
}

impl fmt::Display for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownJob { job, known } => {
                write!(f, "there is no job `{job}`; {}", among("jobs", job, known))
            }
            Self::UnknownNode { node, known } => {
                write!(
                    f,
                    "there is no node `{node}`; {}",
                    among("nodes", node, known)
                )
            }
            Self::UnknownIndex {
                job,
                index,
                workers: 0,
            } => write!(f, "there is no `{job}@{index}`: `{job}` has no workers"),
            Self::UnknownIndex {
                job,
                index,
                workers,
            } => write!(
                f,
                "there is no `{job}@{index}`: the workers of `{job}` are 0 to {}",
                workers - 1
            ),
            Self::OutOfRange {
                job,
                workers,
                asked,
            } => write!(
                f,
                "`{job}` has {workers} workers and cannot have {asked}: a job has 0 to {}",
                super::scale::MAX_WORKERS
            ),
            Self::NothingRuns { what } => write!(
                f,
                "no node holds `{what}`, so there is no worker to tell; `explain {what}` says why"
            ),
            Self::Draining { node } => write!(
                f,
                "node `{node}` drains and will exit; that cannot be taken back: start it again \
                 afterwards"
            ),
            Self::Gone { node } => write!(
                f,
                "node `{node}` went away before it obeyed; `nodes` shows whether it is back"
            ),
            Self::Unanswered { node } => write!(
                f,
                "node `{node}` did not answer, and the note to it was taken back; its log on that \
                 machine may say why"
            ),
            Self::NodesRun { nodes } => write!(
                f,
                "nodes run ({}), with fences of the present epoch: stop all of them, raise it, and \
                 start them again",
                nodes.join(", ")
            ),
            Self::EpochNotHigher { before } => write!(
                f,
                "the epoch is {before} and can only rise, to {} at most",
                u16::MAX
            ),
            Self::Coordination(error) => error.fmt(f),
        }
    }
}

/// What there is instead, best guess first.
fn among(kind: &str, wrong: &str, known: &[String]) -> String {
    /// More are no help.
    const SHOWN: usize = 20;
    if known.is_empty() {
        return format!("there are no {kind}: no node is up");
    }
    let names = || known.iter().map(String::as_str);
    let mut shown: Vec<&str> = names().take(SHOWN).collect();
    let more = format!("and {} more", known.len().saturating_sub(SHOWN));
    if known.len() > SHOWN {
        shown.push(&more);
    }
    let list = format!("{kind}: {}", shown.join(", "));
    match suggest::question(&suggest::nearest(wrong, names())).as_str() {
        "" => list,
        question => format!("{question} ({list})"),
    }
}

impl std::error::Error for ClusterError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // Its text is this one's: whoever prints the chain would print it twice.
            Self::Coordination(error) => error.source(),
            _ => None,
        }
    }
}

impl From<CoordinationError> for ClusterError {
    fn from(error: CoordinationError) -> Self {
        Self::Coordination(error)
    }
}
