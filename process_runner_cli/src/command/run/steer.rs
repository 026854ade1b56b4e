//! What an operator asks of this node, turned into calls of its handle: by signals, and by orders of
//! the guardian, which has had signals of its own.
//!
//! One thread of its own waits for them, so that they are heard while every other thread is busy.

use std::thread;

use process_runner::NodeHandle;
use process_runner::supervision::Reporter;
use tokio::runtime::Builder;

use crate::exit::{Exit, Failure};
use crate::guardian::{LastWord, Order, Overseer, Ward};
use crate::signals::{Asked, Signals};

/// Listens from now on until the process ends. The reporter is for the node.
pub(super) fn steer(node: NodeHandle, ward: Option<&Ward>) -> Result<Reporter, Failure> {
    let unusable =
        |error: std::io::Error| Failure::new(Exit::Internal, format!("signals: {error}"));
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(unusable)?;
    // Registered here, so that a signal that arrives before the thread runs is not lost.
    let (signals, reporter, guardian) = {
        let _guard = runtime.enter();
        let signals = Signals::register().map_err(unusable)?;
        let ward = ward.map(Ward::guardian).transpose().map_err(unusable)?;
        let (reporter, guardian) = ward.unzip();
        (signals, reporter.unwrap_or_default(), guardian)
    };
    let steering = Steering {
        node,
        last_word: ward.map(Ward::last_word).unwrap_or_default(),
        stops: Times::default(),
        dumps: Times::default(),
        hang_ups: Times::default(),
    };
    // It ends with the process: it holds nothing that has to be given back.
    thread::Builder::new()
        .name("pr-signals".to_owned())
        .spawn(move || runtime.block_on(listen(signals, guardian, steering)))
        .map_err(unusable)?;
    Ok(reporter)
}

async fn listen(mut signals: Signals, mut guardian: Option<Overseer>, mut steering: Steering) {
    loop {
        let order = tokio::select! {
            asked = signals.next() => steering.here(asked),
            order = orders(&mut guardian) => match order {
                Some(order) => order,
                None => {
                    guardian = None;
                    tracing::error!("the guardian is gone; draining");
                    steering.node.drain();
                    continue;
                }
            },
        };
        steering.obey(order);
    }
}

async fn orders(guardian: &mut Option<Overseer>) -> Option<Order> {
    match guardian {
        Some(guardian) => guardian.order().await,
        None => std::future::pending().await,
    }
}

/// How often something was asked for. A signal may reach this process, the guardian or both; what it
/// asks for counts once.
#[derive(Default)]
struct Times {
    here: u32,
    obeyed: u32,
}

impl Times {
    fn here(&mut self) -> u32 {
        self.here = self.here.saturating_add(1);
        self.here
    }

    /// True if it was asked for so often, and not yet obeyed as often.
    fn are_due(&mut self, times: u32) -> bool {
        let due = times > self.obeyed;
        self.obeyed = self.obeyed.max(times);
        due
    }
}

struct Steering {
    node: NodeHandle,
    last_word: LastWord,
    stops: Times,
    dumps: Times,
    hang_ups: Times,
}

impl Steering {
    /// A signal to this process itself.
    fn here(&mut self, asked: Asked) -> Order {
        match asked {
            Asked::Stop => Order::Stop(self.stops.here()),
            Asked::Quiet => Order::Quiet,
            Asked::Resume => Order::Resume,
            Asked::Dump => Order::Dump(self.dumps.here()),
            Asked::HangUp => Order::HangUp(self.hang_ups.here()),
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Stop(times) => {
                while self.stops.obeyed < times {
                    self.stops.obeyed += 1;
                    self.press(self.stops.obeyed);
                }
            }
            Order::Quiet => self.node.quiet(),
            Order::Resume => self.node.resume(),
            Order::Dump(times) if self.dumps.are_due(times) => self.node.dump(),
            Order::HangUp(times) if self.hang_ups.are_due(times) => {
                tracing::warn!("the configuration is read at start only; restart to reload it");
            }
            Order::Dump(_) | Order::HangUp(_) => {}
        }
    }

    fn press(&self, times: u32) {
        match times {
            1 => tracing::info!("stopping; once more cancels what runs"),
            2 => tracing::warn!("cancelling; once more exits at once"),
            _ => {
                tracing::warn!("exiting at once");
                // The lease is left to run out, or to the guardian: nothing here proves that the
                // workers stopped.
                self.last_word.say(Exit::DrainDeadline);
                std::process::exit(Exit::DrainDeadline.code().into());
            }
        }
        self.node.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reaches_both_processes_counts_once() {
        let mut times = Times::default();
        let here = times.here();
        assert!(times.are_due(here));
        assert!(!times.are_due(1), "the same signal, by way of the guardian");
        assert!(times.are_due(2), "the next one reached the guardian first");
        let here = times.here();
        assert!(!times.are_due(here));
    }
}
