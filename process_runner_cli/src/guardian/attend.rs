//! While a worker process lives: its reports, its deadline, the signals that it has to hear of.

use std::time::Duration;

use process_runner::model::Moment;

use super::restarts::End;
use super::watchdog::{Verdict, Watchdog};
use super::worker::Worker;
use super::{Guardian, Order};
use crate::configuration;
use crate::exit::Exit;

/// Asked for the third time, a process exits at once. One that has not after this is killed.
const EXIT_PATIENCE: Duration = Duration::from_secs(1);
/// Stops that mean "at once".
const AT_ONCE: u32 = 3;

impl Guardian<'_> {
    /// Accompanies a worker process to its death, and reaps it.
    pub(super) async fn attend(&mut self, mut worker: Worker) -> (Worker, End) {
        let pid = worker.pid;
        let mut watchdog = Watchdog::default();
        let mut kill_at = Moment::NEVER;
        let mut due = Moment::NEVER;
        let status = loop {
            tokio::select! {
                biased;
                report = worker.report() => {
                    watchdog.heard(report);
                    self.know_the_way(report.lease.is_some());
                }
                asked = self.signals.next() => {
                    let order = self.orders.count(asked);
                    worker.order(order);
                    if matches!(order, Order::Stop(times) if times >= AT_ONCE) {
                        // What it ends with then, by itself or not.
                        worker.said = Some(Exit::DrainDeadline);
                        kill_at = kill_at.min(self.clock.now() + EXIT_PATIENCE);
                    }
                }
                status = self.children.death_of(pid) => break status,
                () = self.clock.sleep_until(due.min(kill_at)) => {}
            }
            let now = self.clock.now();
            due = match watchdog.look(now) {
                Verdict::LookAt(moment) => moment,
                Verdict::Kill => {
                    tracing::error!(
                        "the worker process is stopped or wedged, and its lease runs out; killing it"
                    );
                    kill_at = now;
                    watchdog = Watchdog::default();
                    Moment::NEVER
                }
            };
            if now >= kill_at {
                worker.kill();
                kill_at = Moment::NEVER;
            }
        };
        worker.hear_the_rest().await;
        let end = match (
            worker.said,
            status.exit_status(),
            status.terminating_signal(),
        ) {
            (Some(exit), ..) => End::Said(exit),
            (None, Some(code), _) => End::Exited(code),
            (None, None, signal) => End::Killed(signal.unwrap_or_default()),
        };
        (worker, end)
    }

    /// Reads where the lease is, as soon as there is one: not before, so that nothing of this is in
    /// the way of the start.
    fn know_the_way(&mut self, has_lease: bool) {
        if !has_lease || self.coordination.is_some() {
            return;
        }
        self.restarts.was_up = true;
        match configuration::coordination(&self.arguments.config) {
            Ok(coordination) => self.coordination = Some(coordination),
            // The worker process has read the same file a moment ago.
            Err(_) => tracing::warn!(
                "the configuration cannot be read any more; after a crash the lease has to run out"
            ),
        }
    }
}
