//! The control loop: one session of a node, from its first slot to its last release.
//!
//! ```text
//! heartbeat --pulse-->  |            | --event--> SlotMachine --effect--> transaction (calls)
//! inbox --plan, note--> |  Control   |                        `---------> worker (start, ask, lose)
//! workers   --ended-->  |            |
//! operator  --press-->  |            | <--answer-- calls
//! ```
//!
//! Each arm of the loop feeds machines and queues what they want done; nothing is decided here that
//! a machine of the pure layer decides. After every event [`Control::settle`] brings the rest in
//! line: deadlines that passed, slots whose worker ended, what waits to be sent.
//!
//! A node takes no slot by itself. The leader grants what nobody has, other nodes hand over what
//! the plan takes from them, and both put the slot on this node's lease: it arrives.
//!
//! # Guarantees
//!
//! - The session is closed (its lease revoked) only when no worker runs any more.
//! - At most [`BATCHES`] transactions are under way at once; the queue holds at most one per slot.
//! - An answer to a transaction that its slot no longer waits for is dropped.
//!
//! # How it fails
//!
//! A session whose lease is gone ends with [`Served::SessionLost`] after its workers have stopped;
//! the node then opens a new one. A worker that cannot be stopped ends the node.

mod ahead;
mod calls;
mod delays;
mod inbox;
mod lease;
mod membership;
mod obey;
mod orders;
mod parting;
mod publish;
mod remembering;
mod reporting;
mod trouble;
mod workers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

use self::ahead::Ahead;
use self::calls::Calls;
use self::delays::Delays;
use self::inbox::Inbox;
use self::membership::Membership;
use self::orders::Orders;
use self::publish::Publisher;
use self::remembering::Remembering;
use self::trouble::Trouble;
use super::NodeEnd;
use super::held::Held;
use super::leader::Leading;
use super::operator::{NodeHandle, Operator};
use super::register::Registrar;
use super::worker::WorkerEnd;
use crate::chance::random_u128;
use crate::clock::Clock;
use crate::coordination::{Connection, Session, Watched};
use crate::model::{Effect, Event, Moment, Slot, SlotState, StopTimes};
use crate::reports::LeaseId;
use crate::validity::Validity;

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
    validity: Arc<Validity>,
    changed: Arc<Notify>,
    slots: BTreeMap<Slot, Held>,
    workers: JoinSet<(Slot, WorkerEnd)>,
    /// Slots by the task that runs their worker, for tasks that end without a word.
    tasks: BTreeMap<tokio::task::Id, Slot>,
    calls: Calls,
    /// Plays the leader's part, if it is this node's.
    leading: Leading,
    handle: NodeHandle,
    inbox: Inbox,
    orders: Orders,
    membership: Membership,
    ahead: Ahead,
    delays: Delays,
    /// What each renewal looks at.
    watched: Watched,
    gave_up: bool,
    cut_off: usize,
    /// Deadlines of the present validity that were told already.
    told: Told,
    /// What was told of renewals that fail.
    trouble: Trouble,
    stopping: bool,
    /// Until then a draining node waits for the plan that says where its slots go.
    hand_over_until: Moment,
    /// Nobody takes what this node has, or it may not wait for that.
    given_up: bool,
    /// Worker tables that were written to the log.
    dumps: u64,
    lost: Option<String>,
    publisher: Publisher,
    remembering: Remembering,
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
        handle: NodeHandle,
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
            connection,
            healing: None,
            validity: Arc::default(),
            publisher: Publisher::start(session.opened_in),
            remembering: Remembering::default(),
            changed,
            slots: BTreeMap::new(),
            workers: JoinSet::new(),
            tasks: BTreeMap::new(),
            calls: Calls::new(session.clone()),
            leading: Leading::start(session.clone(), clock),
            handle,
            inbox: Inbox::start(&session),
            orders: Orders::default(),
            membership: Membership::of(&session),
            ahead: Ahead::default(),
            delays: Delays::default(),
            watched: Watched::default(),
            gave_up: false,
            cut_off: 0,
            told: Told::Firm,
            trouble: Trouble::default(),
            stopping: false,
            hand_over_until: Moment::NEVER,
            given_up: false,
            dumps: 0,
            lost: None,
            session,
        }
    }

    /// Runs the session to its end.
    ///
    /// Dropped, it drops its workers at their await points and leaves the lease to run out.
    pub(super) async fn run(mut self, operator: &mut Operator) -> Served {
        let mut heartbeat =
            self.session
                .start_heartbeat(self.clock, Arc::clone(&self.validity), &self.watched);
        tracing::info!(node = %self.session.node, incarnation = %self.session.incarnation, "joined");
        self.obey(operator);
        loop {
            if let Some(served) = self.settle() {
                drop(heartbeat);
                return self.close(served).await;
            }
            let deadline = self.next_deadline();
            tokio::select! {
                biased;
                pulse = heartbeat.changed() => self.on_pulse(pulse),
                () = operator.asks() => self.obey(operator),
                Some(ended) = self.workers.join_next_with_id() => self.on_all_ended(ended),
                Some(answers) = self.calls.next() => self.on_answers(answers),
                heard = self.inbox.next() => self.on_inbox(heard),
                said = self.membership.done() => self.on_said(said),
                done = self.ahead.next() => self.on_ahead(done),
                () = self.delays.next() => {}
                () = self.publisher.watchers_changed() => {}
                () = self.changed.notified() => self.publisher.changed(self.clock.now()),
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
        // etcd is away: what this node has can be given to nobody, and goes with the lease.
        if self.stopping && self.told == Told::Hard && self.workers.is_empty() {
            return Some(Served::Ended(self.end()));
        }
        if self.drained() {
            self.leave();
        }
        if self.stopping && !self.given_up && now >= self.hand_over_until && !self.ahead.is_asking()
        {
            tracing::info!("no plan says where the slots go; giving them back");
            self.give_up_all();
        }
        self.part(now);
        self.membership.send(&self.session);
        // A node that vanished and one that left differ in that the second said so. And only after
        // it said so does nothing arrive any more.
        let told = self.membership.is_told() || now >= self.hand_over_until;
        if self.stopping && told && self.slots.is_empty() && self.calls.is_empty() {
            return Some(Served::Ended(self.end()));
        }
        self.inbox.send(&self.session);
        self.delays.send(&self.session);
        self.publisher.publish(&self.session, &self.slots, now);
        self.report(now);
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
        self.report_end(&served);
        match &served {
            Served::Ended(NodeEnd::Outlived { .. }) => {}
            Served::Ended(_) => {
                if let Err(error) = self.session.close().await {
                    tracing::warn!(%error, "the lease could not be revoked; it runs out by itself");
                } else {
                    self.registrar.reporter.revoked(LeaseId(self.session.lease));
                    tracing::info!(node = %self.session.node, "left");
                }
            }
            Served::SessionLost(_) => {
                // It may only seem lost: a revoke makes sure that nothing of it stays.
                match self.session.close().await {
                    Ok(()) => self.registrar.reporter.revoked(LeaseId(self.session.lease)),
                    Err(error) => {
                        tracing::debug!(%error, "the lost session's lease could not be revoked");
                    }
                }
            }
        }
        served
    }

    fn tick(&mut self) {
        self.feed_all(Event::Tick);
    }

    /// When time alone changes something. Nothing that [`Control::settle`] does not see to may be in
    /// here: what is due and stays due would keep this thread busy.
    fn next_deadline(&self) -> Moment {
        let machines = self
            .slots
            .values()
            .filter_map(|held| held.machine().deadline());
        let now = self.clock.now();
        let rests = self.slots.values().filter_map(|held| held.rests_until(now));
        let hand_over = Some(self.hand_over_until).filter(|until| *until > now);
        let lease = match self.told {
            Told::Firm => self.validity.soft(),
            Told::Soft => self.validity.hard(),
            Told::Hard => Moment::NEVER,
        };
        // A session that is lost has no lease left, and writes no status.
        let session = [lease, self.publisher.due()];
        let session = session.into_iter().filter(|_| self.lost.is_none());
        machines
            .chain(rests)
            .chain(hand_over)
            .chain(session)
            .min()
            .unwrap_or(Moment::NEVER)
    }

    /// With `until_idle`: the plan wants nothing more of this node.
    fn drained(&self) -> bool {
        self.registrar.until_idle
            && !self.stopping
            && self.slots.is_empty()
            && self.orders.known()
            && self.orders.is_empty()
            && self.membership.is_settled()
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
        }
        let settled = self
            .slots
            .get(slot)
            .and_then(|held| held.machine().settled_revision());
        self.watched.set(slot, settled);
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
            Some(Effect::Start { revision, before }) => self.start(slot, revision, before),
            Some(effect) => {
                let Some(held) = self.slots.get(slot) else {
                    return;
                };
                if let Some(transaction) = held.transaction(effect) {
                    let unknown = held.unknown;
                    self.calls.push(slot.clone(), effect, transaction, unknown);
                }
            }
            None => {}
        }
    }
}
