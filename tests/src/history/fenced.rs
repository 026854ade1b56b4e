//! The promises about tokens: I1, I2, I4 and I6.
//!
//! They hold whatever happens to clocks and processes, so nothing is excused here.

use std::collections::BTreeMap;

use super::{Event, Invariant, Violation, What};

/// What is known of one slot.
#[derive(Default)]
struct Slot<'e> {
    /// The tokens that the store granted.
    granted: BTreeMap<u64, &'e Event>,
    /// The process that acquired each token first.
    acquired: BTreeMap<u64, &'e Event>,
    /// The last effect that was accepted.
    accepted: Option<&'e Event>,
    unit: u64,
}

pub(super) fn judge(events: &[Event]) -> Vec<Violation> {
    let mut slots: BTreeMap<&str, Slot<'_>> = BTreeMap::new();
    let mut violations = Vec::new();
    for event in events {
        match &event.what {
            What::Granted { slot, token, .. } => {
                let slot = slots.entry(slot).or_default();
                if let Some(before) = slot.granted.insert(*token, event) {
                    let what = format!("token {token} was granted twice");
                    violations.push(Violation::new(
                        Invariant::GrantedOnce,
                        what,
                        &[before, event],
                    ));
                }
            }
            What::Acquired { slot, token, .. } => {
                let slot = slots.entry(slot).or_default();
                let first = *slot.acquired.entry(*token).or_insert(event);
                if process(first) != process(event) {
                    let what = format!("two processes acquired token {token}");
                    violations.push(Violation::new(
                        Invariant::GrantedOnce,
                        what,
                        &[first, event],
                    ));
                }
            }
            What::Effect {
                slot,
                token,
                unit,
                accepted: true,
                ..
            } => {
                let slot = slots.entry(slot).or_default();
                violations.extend(accept(slot, event, *token, *unit));
            }
            _ => {}
        }
    }
    violations
}

/// The resource accepted `unit` under `token`.
fn accept<'e>(slot: &mut Slot<'e>, event: &'e Event, token: u64, unit: u64) -> Vec<Violation> {
    let mut violations = Vec::new();
    let before = slot.accepted.replace(event);
    if let Some(before) = before
        && let What::Effect { token: last, .. } = &before.what
        && *last > token
    {
        let what = format!("token {token} was accepted after {last}");
        violations.push(Violation::new(
            Invariant::FencesRise,
            what,
            &[before, event],
        ));
    }
    match slot.granted.get(&token) {
        Some(grant) if !is_of(event, grant) => {
            let what = format!("token {token} was granted to another node");
            violations.push(Violation::new(
                Invariant::FencesAreGranted,
                what,
                &[grant, event],
            ));
        }
        Some(_) => {}
        None => {
            let what = format!("the store never granted token {token}");
            violations.push(Violation::new(Invariant::FencesAreGranted, what, &[event]));
        }
    }
    if unit != slot.unit + 1 {
        let what = format!("unit {unit} came after unit {}", slot.unit);
        let shown: Vec<_> = before.into_iter().chain([event]).collect();
        violations.push(Violation::new(Invariant::NothingLost, what, &shown));
    }
    slot.unit = unit;
    violations
}

fn process(event: &Event) -> Option<&str> {
    match &event.what {
        What::Acquired { process, .. } | What::Effect { process, .. } => Some(process),
        _ => None,
    }
}

/// True if the effect came from the node that the store granted the token to.
fn is_of(effect: &Event, grant: &Event) -> bool {
    let What::Granted { node, .. } = &grant.what else {
        return false;
    };
    process(effect).is_some_and(|process| process.split('#').next() == Some(node))
}
