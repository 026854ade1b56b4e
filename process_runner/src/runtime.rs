//! The shell: everything that runs, and nothing that decides.
//!
//! ```text
//! Node -- control thread: registration -> control loop -- one SlotMachine a slot
//!     |                                      | start, ask, lose        ^ ended
//!     `- worker threads:                     v                         |
//!                                     worker -> iteration -> the user's Job
//! ```
//!
//! The control loop (heartbeat, slots, watches) has a thread and a runtime of its own, so that user
//! code that blocks its thread cannot starve it.

mod attempt;
mod control;
mod erased;
mod error;
mod held;
mod iteration;
mod leader;
mod name;
mod node;
mod operator;
mod plans;
mod register;
mod report;
mod worker;

pub(crate) use erased::{ErasedJob, erase};
pub use error::{NodeEnd, NodeError};
pub use node::Node;
pub use operator::NodeHandle;
