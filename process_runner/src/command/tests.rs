//! Runs of real programs, with the shim and without.

mod bench;
mod ends;
mod stops;
