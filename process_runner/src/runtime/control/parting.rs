//! Slots whose worker ended: kept, handed over, or given back.
//!
//! | the node | the plan says | then |
//! |---|---|---|
//! | goes on | keep | put anew, and run again under a new fence |
//! | goes on or leaves | it goes to b | handed over to b |
//! | the same, with a `lock_delay`, and not clean | | given back: whoever gets it then reads that |
//! | goes on or leaves | nothing of it | given back |
//! | leaves | keep | wait for the plan that knows of it, then give back |
//! | drained it (`--until-idle`) | | given back, once the member key says so |

use std::sync::Arc;

use super::Control;
use super::orders::Fate;
use crate::chance::random_u128;
use crate::coordination::Order;
use crate::model::{Event, Moment, Slot, SlotState, StopReason};
use crate::runtime::held::Held;

impl Control<'_> {
    /// A slot was put on our lease at `revision`.
    pub(super) fn arrive(&mut self, slot: Slot, revision: i64, ordered: Order, retiring: bool) {
        // The lease that it was put on is gone, and the session ends when it holds nothing.
        if self.lost.is_some() {
            return;
        }
        let held = self
            .slots
            .entry(slot.clone())
            .or_insert_with(|| Held::new(self.times));
        if held.latest >= revision {
            return;
        }
        held.latest = revision;
        held.ordered = ordered;
        held.retiring = retiring;
        held.target = None;
        self.feed(&slot, Event::Arrived { revision });
        // Heard of late: a plan that is newer than the slot's own may want it elsewhere by now.
        if !retiring && self.orders.of(&slot, ordered) != Fate::Keep {
            self.follow_orders();
        }
        if self.stopping && self.given_up {
            self.feed(&slot, Event::Stop(StopReason::GiveUp));
        }
    }

    /// Brings the workers in line with a new plan.
    pub(super) fn follow_orders(&mut self) {
        for (slot, held) in &self.slots {
            if let (Some(holding), Some(workers)) = (&held.holding, self.orders.workers(&slot.job))
            {
                holding.set_workers(workers);
            }
        }
        for slot in self.slots_where(|_| true) {
            let leaves = self.slots.get(&slot).is_some_and(|held| {
                !held.retiring && self.orders.of(&slot, held.ordered) != Fate::Keep
            });
            if leaves && !self.waits_for_target(&slot) {
                self.feed(&slot, Event::Stop(StopReason::GiveUp));
            }
        }
        self.ask_ahead();
    }

    /// Says of every slot without a worker where it goes, as far as that is known.
    pub(super) fn part(&mut self, now: Moment) {
        for slot in self.slots_where(|state| matches!(state, SlotState::Parting { .. })) {
            let Some(event) = self.fate(&slot, now) else {
                continue;
            };
            self.feed(&slot, event);
        }
    }

    /// What becomes of `slot`; `None` while that is not known.
    fn fate(&mut self, slot: &Slot, now: Moment) -> Option<Event> {
        let nonce = random_u128();
        let is_done = self.is_done(slot);
        let told = self.said_done(slot);
        let runs_here = self.registrar.plans.contains_key(&slot.job);
        let held = self.slots.get_mut(slot)?;
        if held.retiring {
            return Some(Event::GiveBack);
        }
        let delays = self.registrar.plans.get(&slot.job);
        let delays = delays.is_none_or(|plan| !plan.lock_delay.is_zero());
        match self.orders.of(slot, held.ordered) {
            Fate::Leave(_) if delays && held.is_unclean() => Some(Event::GiveBack),
            // Refused once, it is refused always: only a newer plan can help.
            Fate::Leave(target) if held.target.as_ref() != Some(&target) => {
                held.target = Some(Arc::clone(&target));
                Some(Event::HandOver { nonce })
            }
            _ if self.given_up => Some(Event::GiveBack),
            _ if is_done => told.then_some(Event::GiveBack),
            Fate::GiveBack => Some(Event::GiveBack),
            Fate::Leave(_) => None,
            Fate::Keep if self.stopping || self.membership.wanted.quiet => None,
            Fate::Keep if !runs_here || now < held.rest_until => None,
            Fate::Keep => self
                .validity
                .may_begin(now)
                .then_some(Event::Keep { nonce }),
        }
    }

    /// Nobody takes what this node has: every worker stops, and what they leave is given back.
    pub(super) fn give_up_all(&mut self) {
        self.given_up = true;
        self.feed_all(Event::Stop(StopReason::GiveUp));
    }

    pub(super) fn is_done(&self, slot: &Slot) -> bool {
        has(&self.membership.wanted.done, slot)
    }

    fn said_done(&self, slot: &Slot) -> bool {
        has(&self.membership.said().done, slot)
    }
}

fn has(
    done: &std::collections::BTreeMap<String, crate::coordination::Indexes>,
    slot: &Slot,
) -> bool {
    done.get(&*slot.job)
        .is_some_and(|indexes| indexes.contains(slot.index))
}
