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

use std::collections::{BTreeMap, BTreeSet};
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

/// I5: once the faults are over, every slot runs again within the bound: something of it is begun, or
/// was begun before and goes on.
fn available(events: &[Event], rules: Rules) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (index, calm) in events.iter().enumerate() {
        let What::Calm { slots } = &calm.what else {
            continue;
        };
        let going_on = going_on(&events[..index]);
        let bound = calm.at + rules.recover;
        for wanted in slots {
            let begun = events.iter().any(|event| {
                let What::Began { slot, .. } = &event.what else {
                    return false;
                };
                slot == wanted && (calm.at..=bound).contains(&event.at)
            });
            if !begun && !going_on.contains(wanted.as_str()) {
                let what = format!("{wanted} did not run within {:?}", rules.recover);
                violations.push(Violation::new(Invariant::Available, what, &[calm]));
            }
        }
    }
    violations
}

/// The slots on which somebody is at work at the end of `events`.
fn going_on(events: &[Event]) -> BTreeSet<&str> {
    let mut open: BTreeMap<(&str, &str, u64), usize> = BTreeMap::new();
    for event in events {
        match &event.what {
            What::Began {
                slot,
                process,
                token,
            } => *open.entry((slot, process, *token)).or_default() += 1,
            What::Ended {
                slot,
                process,
                token,
            } => {
                if let Some(pieces) = open.get_mut(&(slot.as_str(), process.as_str(), *token)) {
                    *pieces = pieces.saturating_sub(1);
                }
            }
            What::Died { process } => open.retain(|(_, who, _), _| who != process),
            _ => {}
        }
    }
    open.retain(|_, pieces| *pieces > 0);
    open.into_keys().map(|(slot, ..)| slot).collect()
}
