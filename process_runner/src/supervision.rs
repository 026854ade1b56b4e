//! For a process that supervises a node: what the node reports to it, and how it frees what a dead
//! one had.
//!
//! ```text
//! supervisor ------ starts ------> process of the node: Node::supervised(reporter)
//!     ^                                                      |
//!     `-- lease, valid_until, suspended  <-- reports --------'
//! proven dead, with all that it started: revoke(lease) --> its slots run elsewhere at once
//! ```
//!
//! The supervisor may revoke only after it has proof that the process and every program that it
//! started are dead. It should kill a process that is not suspended past `valid_until`: stopped or
//! wedged, it could wake up and go on with what is somebody else's by then.
//!
//! An embedded etcd it had better serve itself ([`Hosting`]): what ends with the process of the node has to
//! be opened anew by another one before anything can go on.
//!
//! `pr-cli run` is such a supervisor: see its `guardian`.

pub use crate::coordination::{Hosting, HostingError, RevokeError, revoke};
pub use crate::reports::{LeaseId, Predecessors, Report, Reporter, Reports, channel};
