//! How long a cluster takes to work again on everything, once nothing is broken any more.
//!
//! A slot works again with the first piece of work after the store last said that nobody has it, or
//! at once if it was worked on all along. A slot that moves from one node to another has an owner
//! all the time: that is balance, and no recovery.

use std::collections::BTreeMap;
use std::time::Duration;

use tests::history::{Event, What};

#[derive(Default)]
struct Slot {
    /// Under which token the store says that it is held.
    owner: Option<u64>,
    /// Pieces of work that are open, by process and token.
    open: BTreeMap<(String, u64), usize>,
    /// How long after the calm it worked again, if it does.
    works: Option<Duration>,
}

/// How long after the calm each slot of a job that has to run worked again. `None` if it did not, to
/// the end.
pub(crate) fn of(events: &[Event], job: &str) -> BTreeMap<String, Option<Duration>> {
    let mut slots: BTreeMap<String, Slot> = BTreeMap::new();
    let mut calm = None;
    let mut wanted = Vec::new();
    for event in events {
        if let What::Calm { slots: these } = &event.what {
            calm = Some(event.at);
            wanted.clone_from(these);
            for slot in slots.values_mut() {
                let works = |token| slot.open.keys().any(|(_, under)| Some(*under) == token);
                slot.works = (slot.owner.is_some() && works(slot.owner)).then_some(Duration::ZERO);
            }
        }
        hear(&mut slots, event, calm);
    }
    let works = |slot: &String| slots.get(slot).and_then(|slot| slot.works);
    let of_job = |slot: &&String| slot.split('@').next() == Some(job);
    wanted
        .iter()
        .filter(of_job)
        .map(|slot| (slot.clone(), works(slot)))
        .collect()
}

fn hear(slots: &mut BTreeMap<String, Slot>, event: &Event, calm: Option<Duration>) {
    match &event.what {
        What::Granted { slot, token, .. } => {
            slots.entry(slot.clone()).or_default().owner = Some(*token);
        }
        What::Freed { slot } => {
            let slot = slots.entry(slot.clone()).or_default();
            (slot.owner, slot.works) = (None, None);
        }
        What::Began {
            slot,
            process,
            token,
        } => {
            let slot = slots.entry(slot.clone()).or_default();
            let pieces = slot.open.entry((process.clone(), *token)).or_default();
            *pieces += 1;
            if let Some(calm) = calm
                && slot.owner == Some(*token)
            {
                slot.works.get_or_insert(event.at.saturating_sub(calm));
            }
        }
        What::Ended {
            slot,
            process,
            token,
        } => {
            let slot = slots.entry(slot.clone()).or_default();
            let worker = (process.clone(), *token);
            if let Some(pieces) = slot.open.get_mut(&worker) {
                *pieces -= 1;
                if *pieces == 0 {
                    slot.open.remove(&worker);
                }
            }
        }
        What::Died { process } => {
            for slot in slots.values_mut() {
                slot.open.retain(|(who, _), _| who != process);
            }
        }
        _ => {}
    }
}
