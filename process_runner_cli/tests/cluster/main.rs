//! Real nodes, as processes: on real etcds of two versions and on the embedded one.
//!
//! Each node runs the class `Command` with a program that says when it begins and ends, so that
//! what ran where, under which fence, can be read from the nodes' output.

// A test that cannot go on fails.
#![allow(clippy::unwrap_used)]

mod chaos;
mod denied;
mod embedded;
mod etcd;
mod faults;
mod guardian;
mod history;
mod lock_delay;
mod node;
mod refusals;
mod secure;
mod steering;
