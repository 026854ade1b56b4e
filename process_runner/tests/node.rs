//! Whole nodes on the embedded etcd under paused time: hours in milliseconds.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

mod node {
    mod ahead;
    mod blocking;
    mod cluster;
    mod driver;
    mod inbox;
    mod iteration;
    mod life;
    mod lock_delay;
    mod loss;
    mod moves;
    mod schedules;
    mod scripted;
    mod sight;
    mod until_idle;
}
