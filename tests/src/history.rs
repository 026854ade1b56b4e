//! The judge of every test that breaks clusters: did this history keep the promises?
//!
//! # Why
//!
//! A test that kills nodes cannot say beforehand what will happen, only what must not. So everybody
//! writes down what happened, and one judge reads it, whether the cluster was simulated or real.
//!
//! # Model
//!
//! ```text
//! workers   acquired, began, ended, stopped ---.
//! resource  effect accepted or refused --------+--> events in order --> judge --> violations
//! store     granted, freed (etcd's own watch) -+
//! world     paused, resumed, died, meddled ----'
//! ```
//!
//! The store's watch history is the oracle: a token is what etcd granted, whatever a node believes.
//! A *process* is one run of a node, so a restarted node is another process.
//!
//! # Guarantees
//!
//! - One pass over the events; the work is linear in their number (times the few processes that
//!   work on one slot at once).
//! - A violation names the invariant and carries the events that show it.
//! - What no lease can prevent is excused, and nothing else: work of a process that is paused, work
//!   for a while after somebody tampered with a slot or a lease from outside.
//!
//! # How it fails
//!
//! Events that were not written down cannot be judged. A judge that is fed nothing finds nothing,
//! so whoever uses it also asks how much happened.

mod event;
mod fenced;
mod owned;
#[cfg(test)]
mod tests;
mod violation;

use std::time::Duration;

pub use event::{Event, What};
pub use violation::{Invariant, Violation};

/// What the judge allows.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// How long a process that was paused may work on after it was resumed: the time to look at a
    /// clock.
    pub wake: Duration,
    /// How long work may go on after a slot or a lease was tampered with from outside: the time
    /// until the next renewal notices, at most the validity that is left.
    pub notice: Duration,
    /// How long after [`What::Calm`] every slot has to run again.
    pub recover: Duration,
}

/// Reads a history and answers every violation in it.
pub fn judge(events: &[Event], rules: Rules) -> Vec<Violation> {
    let mut violations = fenced::judge(events);
    violations.extend(owned::judge(events, rules));
    violations.extend(available(events, rules));
    violations.sort_by_key(|violation| violation.at());
    violations
}

/// I5: once the faults are over, every slot runs again within the bound.
fn available(events: &[Event], rules: Rules) -> Vec<Violation> {
    let mut violations = Vec::new();
    for calm in events {
        let What::Calm { slots } = &calm.what else {
            continue;
        };
        let bound = calm.at + rules.recover;
        for wanted in slots {
            let runs = events.iter().any(|event| {
                let What::Began { slot, .. } = &event.what else {
                    return false;
                };
                slot == wanted && (calm.at..=bound).contains(&event.at)
            });
            if !runs {
                let what = format!("{wanted} did not run within {:?}", rules.recover);
                violations.push(Violation::new(Invariant::Available, what, &[calm]));
            }
        }
    }
    violations
}
