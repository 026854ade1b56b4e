//! After the death of a worker process: first nothing of it is left running, then its lease goes.

use std::time::{Duration, Instant};

use process_runner::supervision::{LeaseId, revoke};

use super::Guardian;
use super::restarts::End;
use super::words::MOST_LEASES;
use super::worker::Worker;

/// How long to try to revoke a lease. After that the next worker process does it, or time.
const REVOKE_PATIENCE: Duration = Duration::from_secs(3);

impl Guardian<'_> {
    /// Frees what a dead worker process had, if that is safe.
    pub(super) async fn bury(&mut self, worker: &Worker, end: End) {
        let began = Instant::now();
        match end {
            End::Said(_) => {}
            End::Exited(code) => tracing::error!(code, "the worker process ended without a word"),
            End::Killed(signal) => tracing::error!(signal, "the worker process was killed"),
        }
        if let Err(left) = self.children.end_all().await {
            tracing::error!(
                %left,
                "something that the worker process started is left; its lease has to run out"
            );
            // It may still do the work of these slots: nobody may revoke them.
            return;
        }
        // What the next process was to revoke first, it may have had no time for.
        if let Some(lease) = worker.lease
            && !self.predecessors.leases.contains(&lease)
        {
            self.predecessors.leases.push(lease);
            // Of more than a few, the oldest have run out long ago.
            let too_many = self.predecessors.leases.len().saturating_sub(MOST_LEASES);
            self.predecessors.leases.drain(..too_many);
        }
        if self.predecessors.leases.is_empty() {
            return;
        }
        let leases: Vec<LeaseId> = self.predecessors.leases.clone();
        let Some(coordination) = &self.coordination else {
            return;
        };
        match revoke(coordination, &leases, REVOKE_PATIENCE).await {
            Ok(()) => {
                self.predecessors.leases.clear();
                let took_ms = began.elapsed().as_millis() as u64;
                tracing::info!(took_ms, "what the worker process had is free");
            }
            Err(error) => tracing::warn!(
                %error,
                "what the worker process had is not free yet: the next one revokes its lease, or \
                 it runs out"
            ),
        }
    }
}
