//! The shell: everything that runs, and nothing that decides.

mod attempt;
mod erased;
mod iteration;
mod worker;

pub(crate) use erased::{ErasedJob, erase};
