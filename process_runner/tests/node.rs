//! Whole nodes on the embedded etcd under paused time: hours in milliseconds.

mod node {
    mod cluster;
    mod life;
    mod until_idle;
}
