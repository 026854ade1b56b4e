//! The command line as a user has it: real processes, their streams and their exit codes.

// A test that cannot go on fails.
#![allow(clippy::unwrap_used)]

mod codes;
mod guardian;
mod launcher;
mod pid_one;
mod plan;
mod process;
mod programs;
mod shim;
mod streams;
