//! The command line as a user has it: real processes, their streams and their exit codes.

mod codes;
mod launcher;
mod process;
mod programs;
mod shim;
mod streams;
