//! The shell: everything that runs, and nothing that decides.

mod erased;

pub(crate) use erased::{ErasedJob, erase};
