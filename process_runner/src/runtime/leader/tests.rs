//! Leading against the embedded etcd under paused time: real sessions, real keys, real transactions.
//! The node's side (taking notes, handing over, giving back) is played by `nodes`.

pub(super) mod cluster;
pub(super) mod nodes;

mod continuity;
mod posts;
mod real;
mod retirement;
mod steering;
mod turnover;
mod writes;
