//! The control loop: one session of a node, from its first claim to its last release.
//!
//! ```text
//! heartbeat --pulse-->  |            | --event--> SlotMachine --effect--> transaction (calls)
//! etcd watch --feed-->  |  Control   |                        `---------> worker (start, ask, lose)
//! workers   --ended-->  |            |
//! operator  --press-->  |            | <--answer-- calls
//! ```
//!
//! Each arm of the loop feeds machines and queues what they want done; nothing is decided here that
//! a machine of the pure layer decides. After every event [`Control::settle`] brings the rest in
//! line: deadlines that passed, claims that became possible, transactions that wait.
//!
//! # Guarantees
//!
//! - The session is closed (its lease revoked) only when no worker runs any more.
//! - At most [`CALLS`] transactions are under way at once; the queue holds at most one per slot.
//! - An answer to a transaction that its slot no longer waits for is dropped.
//!
//! # How it fails
//!
//! A session whose lease is gone ends with [`Served::SessionLost`] after its workers have stopped;
//! the node then opens a new one. A worker that cannot be stopped ends the node.

mod calls;
mod feed;
mod lease;
mod obey;
mod publish;
mod workers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

use self::calls::Calls;
use self::feed::Taken;
use self::publish::Publisher;
use super::NodeEnd;
use super::held::Held;
use super::operator::Operator;
use super::register::Registrar;
use super::worker::WorkerEnd;
use crate::clock::Clock;
use crate::coordination::{Connection, Follower, Session, random_u128};
use crate::model::{Effect, Event, Moment, Slot, SlotState, StopTimes, to_claim};
use crate::validity::Validity;

/// How long a slot that was refused is left alone; its owner is on the watch by then.
const REFUSED_PAUSE: Duration = Duration::from_millis(100);
/// How long `unlock_records` may take once the record in hand was cancelled, at most.
const CANCEL_TIME: Duration = Duration::from_secs(5);
/// How long a worker that was dropped may take to be gone.
const ABORT_TIME: Duration = Duration::from_secs(1);

/// How a session ended.
pub(super) enum Served {
    /// The node is done.
    Ended(NodeEnd),
    /// The lease is gone; all workers have stopped.
    SessionLost(String),
}

/// The state of one session.
pub(super) struct Control<'a> {
    registrar: &'a Registrar<'a>,
    session: Session,
    connection: Arc<Connection>,
    /// Looks for a new host of the embedded etcd, while the old one does not answer.
    healing: Option<JoinHandle<()>>,
    clock: Clock,
    worker_runtime: Handle,
    times: StopTimes,
    max_workers: Option<u32>,
    validity: Arc<Validity>,
    changed: Arc<Notify>,
    slots: BTreeMap<Slot, Held>,
    workers: JoinSet<(Slot, WorkerEnd)>,
    /// Slots by the task that runs their worker, for tasks that end without a word.
    tasks: BTreeMap<tokio::task::Id, Slot>,
    calls: Calls,
    taken: Taken,
    /// Slots that were refused, and when to try again.
    pauses: BTreeMap<Slot, Moment>,
    /// With `until_idle`: slots that are drained or given up.
    done: BTreeSet<Slot>,
    gave_up: bool,
    /// Something changed that may make a claim possible.
    claims_due: bool,
    cut_off: usize,
    /// Deadlines of the present validity that were told already.
    told: Told,
    stopping: bool,
    /// No slots are taken, and those the node has are handed over.
    quiet: bool,
    /// Worker tables that were written to the log.
    dumps: u64,
    lost: Option<String>,
    publisher: Publisher,
}

#[derive(Default, PartialEq, PartialOrd, Clone, Copy)]
enum Told {
    #[default]
    Firm,
    Soft,
    Hard,
}

impl<'a> Control<'a> {
    pub(super) fn new(
        registrar: &'a Registrar<'a>,
        session: Session,
        connection: Arc<Connection>,
        worker_runtime: Handle,
        clock: Clock,
    ) -> Self {
        let changed = Arc::new(Notify::new());
        let node = &registrar.config.node;
        let drain = node.shutdown_timeout;
        let times = StopTimes {
            drain,
            cancel: CANCEL_TIME.min(drain),
            abort: ABORT_TIME,
        };
        Self {
            registrar,
            clock,
            worker_runtime,
            times,
            max_workers: node.max_workers,
            connection,
            healing: None,
            validity: Arc::default(),
            publisher: Publisher::start(&session),
            changed,
            slots: BTreeMap::new(),
            workers: JoinSet::new(),
            tasks: BTreeMap::new(),
            calls: Calls::new(session.clone()),
            taken: Taken::default(),
            pauses: BTreeMap::new(),
            done: BTreeSet::new(),
            gave_up: false,
            claims_due: true,
            cut_off: 0,
            told: Told::Firm,
            stopping: false,
            quiet: false,
            dumps: 0,
            lost: None,
            session,
        }
    }

    /// Runs the session to its end.
    ///
    /// Dropped, it drops its workers at their await points and leaves the lease to run out.
    pub(super) async fn run(mut self, operator: &mut Operator) -> Served {
        let mut heartbeat = self
            .session
            .start_heartbeat(self.clock, Arc::clone(&self.validity));
        let range = self.session.keys.planner_range();
        let mut follower = Follower::start(self.session.etcd.clone(), range);
        tracing::info!(node = %self.session.node, incarnation = %self.session.incarnation, "joined");
        self.obey(operator);
        loop {
            if let Some(served) = self.settle() {
                drop((heartbeat, follower));
                return self.close(served).await;
            }
            let deadline = self.next_deadline();
            tokio::select! {
                biased;
                pulse = heartbeat.changed() => self.on_pulse(pulse),
                () = operator.asks() => self.obey(operator),
                Some(ended) = self.workers.join_next_with_id() => self.on_ended(ended),
                Some(done) = self.calls.next() => self.on_answer(done),
                Some(feed) = follower.next() => self.on_feed(feed),
                () = self.changed.notified() => self.publisher.changed(self.clock.now()),
                () = self.publisher.watchers_changed() => {}
                () = self.clock.sleep_until(deadline) => self.tick(),
            }
        }
    }

    /// Brings everything in line with what is known now. `Some` once the session is over.
    fn settle(&mut self) -> Option<Served> {
        let now = self.clock.now();
        self.tell_deadlines(now);
        if let Some(end) = self.outlived(now) {
            return Some(Served::Ended(end));
        }
        if let Some(reason) = &self.lost {
            return (self.slots.is_empty()).then(|| Served::SessionLost(reason.clone()));
        }
        if !self.stopping && !self.quiet && self.validity.may_begin(now) && self.taken.known() {
            if std::mem::take(&mut self.claims_due) {
                self.claim(now);
            }
            if self.drained() {
                self.stopping = true;
            }
        }
        if self.stopping && self.slots.is_empty() && self.calls.is_empty() {
            return Some(Served::Ended(self.end()));
        }
        self.publisher.publish(&self.session, &self.slots, now);
        None
    }

    fn end(&self) -> NodeEnd {
        match (self.cut_off, self.gave_up) {
            (0, false) => NodeEnd::Clean,
            (0, true) => NodeEnd::Failed,
            (workers, _) => NodeEnd::CutOff { workers },
        }
    }

    /// The last act: nothing runs any more, so the lease can go, and with it the member key.
    async fn close(mut self, served: Served) -> Served {
        self.calls.shutdown().await;
        if let Some(healing) = self.healing.take() {
            healing.abort();
        }
        self.validity.set(Moment::ZERO, Moment::ZERO);
        match &served {
            Served::Ended(NodeEnd::Outlived { .. }) => {}
            Served::Ended(_) => {
                if let Err(error) = self.session.close().await {
                    tracing::warn!(%error, "the lease could not be revoked; it runs out by itself");
                } else {
                    tracing::info!(node = %self.session.node, "left");
                }
            }
            Served::SessionLost(_) => {
                // It may only seem lost: a revoke makes sure that nothing of it stays.
                if let Err(error) = self.session.close().await {
                    tracing::debug!(%error, "the lost session's lease could not be revoked");
                }
            }
        }
        served
    }

    fn tick(&mut self) {
        let now = self.clock.now();
        let paused = self.pauses.len();
        self.pauses.retain(|_, until| *until > now);
        self.claims_due |= self.pauses.len() < paused;
        self.feed_all(Event::Tick);
    }

    fn next_deadline(&self) -> Moment {
        let machines = self
            .slots
            .values()
            .filter_map(|held| held.machine().deadline());
        let pauses = self.pauses.values().copied();
        let lease = match self.told {
            _ if self.lost.is_some() => Moment::NEVER,
            Told::Firm => self.validity.soft(),
            Told::Soft => self.validity.hard(),
            Told::Hard => Moment::NEVER,
        };
        machines
            .chain(pauses)
            .chain([lease, self.publisher.due()])
            .min()
            .unwrap_or(Moment::NEVER)
    }

    /// Claims the free slots that this node wants and has room for.
    fn claim(&mut self, now: Moment) {
        let mut avoid = self.done.clone();
        avoid.extend(self.pauses.keys().cloned());
        let busy = self.slots.keys().cloned().collect();
        let taken = self.taken.slots();
        let sizes = &self.registrar.sizes;
        for slot in to_claim(sizes, self.max_workers, &busy, &taken, &avoid) {
            let mut held = Held::new(self.times);
            let effect = held.step(
                Event::Claim {
                    nonce: random_u128(),
                },
                now,
            );
            self.slots.insert(slot.clone(), held);
            self.carry_out(&slot, effect);
        }
    }

    /// With `until_idle`: nothing is left that this node could drain.
    fn drained(&self) -> bool {
        self.registrar.until_idle
            && self.slots.is_empty()
            && self.pauses.is_empty()
            && self.registrar.sizes.iter().all(|size| {
                (0..size.workers).all(|index| {
                    let slot = Slot {
                        job: Arc::clone(&size.job),
                        index,
                    };
                    self.done.contains(&slot) || self.taken.contains(&slot)
                })
            })
    }

    fn slots_where(&self, wanted: impl Fn(SlotState) -> bool) -> Vec<Slot> {
        let matching = self
            .slots
            .iter()
            .filter(|(_, held)| wanted(held.machine().state()));
        matching.map(|(slot, _)| slot.clone()).collect()
    }

    fn feed_all(&mut self, event: Event) {
        for slot in self.slots_where(|_| true) {
            self.feed(&slot, event);
        }
    }

    /// Feeds one machine, carries out its effect and forgets the slot once it is vacant.
    fn feed(&mut self, slot: &Slot, event: Event) {
        let now = self.clock.now();
        let Some(held) = self.slots.get_mut(slot) else {
            return;
        };
        let before = held.machine().state();
        let effect = held.step(event, now);
        let after = held.machine().state();
        if before != after {
            tracing::debug!(job = %slot.job, index = slot.index, ?event, ?after, "slot");
            self.publisher.changed(now);
        }
        if held.machine().is_vacant() {
            self.slots.remove(slot);
            self.claims_due = true;
        }
        self.carry_out(slot, effect);
        // A worker that ended while the lease was firm all along may run again at once.
        if matches!(after, SlotState::Suspended { .. }) && self.validity.may_begin(now) {
            self.feed(
                slot,
                Event::Firm {
                    nonce: random_u128(),
                },
            );
        }
    }

    fn carry_out(&mut self, slot: &Slot, effect: Option<Effect>) {
        match effect {
            Some(Effect::Start { revision }) => self.start(slot, revision),
            Some(effect) => {
                let unknown = self.slots.get(slot).map_or(0, |held| held.unknown);
                self.calls.push(slot.clone(), effect, unknown);
            }
            None => {}
        }
    }
}
