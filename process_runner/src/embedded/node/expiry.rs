//! Ends leases when their time is over.
//!
//! etcd looks every 500 ms; so deletion comes at the first multiple of 500 ms since the start that is not before the
//! expiry: never early, at most half a second late. Here the task sleeps until exactly that moment, and without leases
//! it does not wake at all. Renewals only move expiries away, so they need not wake it: it finds nothing to do and
//! sleeps again.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Node, Store};

/// How often etcd looks.
const TICK: Duration = Duration::from_millis(500);

/// Starts the task. It ends when the server stops.
pub(super) fn spawn(node: &Arc<Node>) {
    node.runtime.spawn(run(Arc::clone(node)));
}

async fn run(node: Arc<Node>) {
    loop {
        let look = next_look(&node);
        tokio::select! {
            biased;
            () = node.stopped() => return,
            () = node.expiry_moved.notified() => {}
            () = sleep_until(look) => {
                let able = async {
                    node.gate.open().await;
                    node.gate.quorum().await;
                    Ok(())
                };
                if node.unless_stopped(able).await.is_ok() {
                    node.change(Store::expire);
                }
            }
        }
    }
}

async fn sleep_until(look: Option<Instant>) {
    match look {
        Some(look) => tokio::time::sleep_until(look).await,
        None => std::future::pending().await,
    }
}

/// When to look next, if there is a lease.
fn next_look(node: &Node) -> Option<Instant> {
    let core = node.core();
    let expiry = core.store.leases().next_expiry()?;
    // In the clock of the runtime, which a skew does not move.
    let due = expiry.saturating_sub(core.skew);
    core.origin.checked_add(tick_at_or_after(due))
}

/// The first tick that is not before `due`.
fn tick_at_or_after(due: Duration) -> Duration {
    let ticks = due.as_nanos().div_ceil(TICK.as_nanos());
    TICK.checked_mul(u32::try_from(ticks).unwrap_or(u32::MAX))
        .unwrap_or(Duration::MAX)
}
