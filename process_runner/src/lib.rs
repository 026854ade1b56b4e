//! A runner for **long-running background jobs**.
//!
//! Annotate a plain struct with [`#[job]`](macro@job), implement one iteration ([`Job`]), name it
//! in YAML and start `pr-cli run config.yml` on any number of machines. The runner spreads the
//! worker indexes over them, and each index runs on exactly one node.

// Lets the expansion of `#[job]` name `::process_runner` in this crate too.
#[allow(unused_extern_crates)]
extern crate self as process_runner;

mod app;
mod class;
mod clock;
pub mod cluster;
#[doc(hidden)]
pub mod command;
pub mod config;
mod coordination;
pub mod embedded;
mod job;
pub mod lock;
pub mod model;
mod runtime;
mod state;
mod validity;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use app::{App, AppError, AppErrors, Registry};
pub use class::{BuildError, ClassEntry, JobClass, OptionError};
pub use clock::Clock;
pub use coordination::CoordinationError;
pub use job::{Job, JobError, JobResult, RetryAdvice, WorkerContext};
pub use process_runner_macros::{job, state};
pub use runtime::{Node, NodeEnd, NodeError, NodeHandle};
pub use state::{Place, StateRequirement, States};

/// What a job's author needs: `use process_runner::prelude::*;`.
pub mod prelude {
    pub use crate::{App, Job, JobResult, WorkerContext, job};
}
