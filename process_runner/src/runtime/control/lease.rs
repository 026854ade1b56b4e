//! The lease, as the control loop lives with it: renewals, trouble, deadlines, its end.
//!
//! Between two renewals nothing needs to be done. Without them the deadlines pass: at the soft one
//! the workers are cancelled while unlocking is still allowed, at the hard one they are lost. A
//! later renewal of the same lease finds the slots suspended, and each is put anew before it runs.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::{Control, Told};
use crate::chance::random_u128;
use crate::coordination::{Pulse, Sighting};
use crate::model::{Event, Moment, SlotState};
use crate::runtime::NodeEnd;

impl Control<'_> {
    /// Takes in what the heartbeat found.
    pub(super) fn on_pulse(&mut self, pulse: Pulse) {
        match pulse {
            Pulse::Renewed(sighting) => {
                let trouble = self.trouble.ends(sighting.left);
                if trouble.is_some() || self.told > Told::Firm {
                    let least_valid_ms = trouble.map(|least| least.as_millis() as u64);
                    tracing::info!(least_valid_ms, "etcd answers again; the lease is firm");
                }
                self.told = Told::Firm;
                self.publisher.healthy(&self.session, sighting.took);
                self.membership.healthy();
                self.inbox.healthy(self.clock.now());
                self.look_for_stuck();
                self.on_sighting(&sighting);
                for slot in self.slots_where(|state| matches!(state, SlotState::Suspended { .. })) {
                    self.feed(
                        &slot,
                        Event::Firm {
                            nonce: random_u128(),
                        },
                    );
                }
            }
            Pulse::Troubled(reason) => {
                let now = self.clock.now();
                let valid = self.validity.hard().since(now);
                if self.trouble.is_news(&reason, valid, now) {
                    let valid_ms = valid.as_millis() as u64;
                    tracing::warn!(%reason, valid_ms, "the lease cannot be renewed");
                }
                self.heal();
            }
            Pulse::Gone(reason) => self.lose_session(reason),
        }
    }

    /// Takes in what the renewal saw on its way: a watch may have fallen silent, and a slot may have
    /// been deleted from outside.
    fn on_sighting(&mut self, sighting: &Sighting) {
        self.remember(sighting.revision);
        self.read_inbox(&sighting.inbox);
        if let Some(posts) = &sighting.posts {
            self.leading.sighted(posts.clone());
        }
        for (slot, asked, found) in &sighting.changed {
            let ours = self
                .slots
                .get(slot)
                .and_then(|held| held.machine().settled_revision());
            // It moved on since it was asked about: the next renewal judges it.
            if ours != Some(*asked) {
                continue;
            }
            tracing::warn!(job = %slot.job, index = slot.index, ?found, "slot lost");
            self.feed(slot, Event::Lost);
        }
    }

    /// Tells of workers that make no progress, and of those that go on again. Looking at every
    /// renewal is often enough, and costs nothing in between.
    fn look_for_stuck(&mut self) {
        let now = self.clock.now();
        for (slot, held) in &mut self.slots {
            let Some(stuck) = held.look_for_stuck(now) else {
                continue;
            };
            let phase = held
                .holding
                .as_ref()
                .map_or("", |holding| holding.phase().name());
            if stuck {
                tracing::warn!(job = %slot.job, index = slot.index, phase, "a worker is stuck");
            } else {
                tracing::info!(job = %slot.job, index = slot.index, "the worker goes on");
            }
            self.publisher.changed(now);
        }
    }

    /// A guest of a host that does not answer tries to take its place.
    pub(super) fn heal(&mut self) {
        let idle = self.healing.as_ref().is_none_or(JoinHandle::is_finished);
        if idle && self.connection.is_guest() {
            let connection = Arc::clone(&self.connection);
            self.healing = Some(tokio::spawn(async move { connection.heal().await }));
        }
    }

    /// The lease is gone: every worker stops, and nothing of this session is written any more.
    pub(super) fn lose_session(&mut self, reason: String) {
        self.validity.set(Moment::ZERO, Moment::ZERO);
        self.lost.get_or_insert(reason);
        self.feed_all(Event::SessionEnded);
    }

    /// Tells the machines once when a deadline of the lease passes.
    pub(super) fn tell_deadlines(&mut self, now: Moment) {
        if self.told < Told::Soft && !self.validity.may_begin(now) && self.lost.is_none() {
            self.told = Told::Soft;
            tracing::warn!("the lease runs out soon; stopping the workers");
            self.feed_all(Event::SoftDeadline);
        }
        if self.told < Told::Hard && !self.validity.holds(now) && self.lost.is_none() {
            self.told = Told::Hard;
            tracing::warn!("the lease may have run out; no worker runs until it is firm again");
            self.feed_all(Event::HardDeadline);
        }
    }

    /// Workers that cannot be stopped: the process has to end.
    pub(super) fn outlived(&self, now: Moment) -> Option<NodeEnd> {
        let overdue: Vec<_> = self
            .slots
            .iter()
            .filter(|(_, held)| held.machine().overdue(now))
            .collect();
        if overdue.is_empty() {
            return None;
        }
        for (slot, held) in &overdue {
            let phase = held
                .holding
                .as_ref()
                .map_or("", |holding| holding.phase().name());
            tracing::error!(job = %slot.job, index = slot.index, phase, "a worker does not stop");
        }
        let lost = self.lost.is_some() || !self.validity.holds(now);
        Some(NodeEnd::Outlived {
            workers: overdue.len(),
            lost,
        })
    }
}
