//! Every order of events up to a depth, judged by the promises in the module's header.

use std::time::Duration;

use super::*;

const TIMES: StopTimes = StopTimes {
    drain: Duration::from_secs(30),
    cancel: Duration::from_secs(5),
    abort: Duration::from_secs(1),
};

/// What the world outside the machine looks like: enough to judge its effects.
#[derive(Debug, Clone)]
struct World {
    machine: SlotMachine,
    now: Moment,
    /// A worker runs, under this revision.
    worker: Option<i64>,
    /// The worker was told that its slot is lost.
    told_lost: bool,
    /// Revisions a worker was started under.
    started: Vec<i64>,
    in_flight: Option<Effect>,
    next_revision: i64,
}

impl World {
    fn new() -> Self {
        Self {
            machine: SlotMachine::new(TIMES),
            now: Moment::ZERO,
            worker: None,
            told_lost: false,
            started: Vec::new(),
            in_flight: None,
            next_revision: 10,
        }
    }

    /// The events that can happen in this world.
    fn possible(&self) -> Vec<Event> {
        let mut events = vec![
            Event::Stop(StopReason::GiveUp),
            Event::Press(StopPhase::Cancel),
            Event::Lost,
            Event::SoftDeadline,
            Event::HardDeadline,
            Event::SessionEnded,
            Event::Tick,
            Event::Firm { nonce: 2 },
        ];
        if self.machine.is_vacant() {
            events.push(Event::Claim { nonce: 1 });
        }
        if self.worker.is_some() {
            events.push(Event::WorkerEnded {
                clean: !self.told_lost,
            });
        }
        let awaited = self
            .in_flight
            .filter(|effect| self.machine.expects(*effect));
        match awaited {
            Some(Effect::Claim { .. } | Effect::Reclaim { .. }) => {
                let revision = self.next_revision;
                events.extend([Event::Granted { revision }, Event::Refused, Event::Unknown]);
            }
            Some(Effect::Release { .. }) => {
                events.extend([Event::Released, Event::Refused, Event::Unknown]);
            }
            _ => {}
        }
        events
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Granted { .. } => {
                self.next_revision += 1;
                self.in_flight = None;
            }
            Event::Refused | Event::Released | Event::Unknown => {}
            Event::WorkerEnded { .. } => self.worker = None,
            Event::Tick => self.now = self.now + Duration::from_secs(31),
            _ => {}
        }
        let before = self.in_flight;
        if matches!(event, Event::Refused | Event::Released | Event::Unknown) {
            self.in_flight = None;
        }
        let effect = self.machine.step(event, self.now);
        if event == Event::Unknown {
            assert_eq!(effect, before, "an unknown outcome is repeated identically");
        }
        self.judge(effect);
    }

    fn judge(&mut self, effect: Option<Effect>) {
        match effect {
            Some(Effect::Start { revision }) => {
                assert_eq!(self.worker, None, "a second worker starts");
                assert!(!self.started.contains(&revision), "an old fence runs again");
                self.started.push(revision);
                self.worker = Some(revision);
                self.told_lost = false;
            }
            Some(Effect::Release { .. }) => {
                assert_eq!(self.worker, None, "released while the worker runs");
                self.in_flight = effect;
            }
            Some(Effect::Claim { .. } | Effect::Reclaim { .. }) => {
                assert_eq!(self.worker, None, "claimed while the worker runs");
                self.in_flight = effect;
            }
            Some(Effect::Lose) => {
                assert!(self.worker.is_some(), "nobody to tell");
                self.told_lost = true;
            }
            Some(Effect::Ask(_)) => assert!(self.worker.is_some(), "nobody to ask"),
            None => {}
        }
        if self.machine.is_vacant() {
            assert_eq!(self.worker, None, "vacant while a worker runs");
        }
    }
}

fn explore(world: &World, depth: usize, seen: &mut u64) {
    *seen += 1;
    if depth == 0 {
        return;
    }
    for event in world.possible() {
        let mut next = world.clone();
        next.step(event);
        explore(&next, depth - 1, seen);
    }
}

#[test]
fn no_order_of_events_breaks_a_promise() {
    let mut seen = 0;
    explore(&World::new(), 7, &mut seen);
    assert!(seen > 1_000_000, "only {seen} states were seen");
}

fn running() -> SlotMachine {
    let mut machine = SlotMachine::new(TIMES);
    machine.step(Event::Claim { nonce: 1 }, Moment::ZERO);
    machine.step(Event::Granted { revision: 7 }, Moment::ZERO);
    machine
}

#[test]
fn a_stop_goes_through_its_three_phases_each_with_its_time() {
    let mut machine = running();
    let mut now = Moment::ZERO;
    let effect = machine.step(Event::Stop(StopReason::GiveUp), now);
    assert_eq!(effect, Some(Effect::Ask(StopPhase::Drain)));
    assert_eq!(machine.step(Event::Tick, now), None);
    now = now + TIMES.drain;
    assert_eq!(
        machine.step(Event::Tick, now),
        Some(Effect::Ask(StopPhase::Cancel))
    );
    now = now + TIMES.cancel;
    assert_eq!(
        machine.step(Event::Tick, now),
        Some(Effect::Ask(StopPhase::Abort))
    );
    assert!(!machine.overdue(now));
    now = now + TIMES.abort;
    assert!(machine.overdue(now));
    let release = Effect::Release {
        revision: 7,
        clean: false,
    };
    assert_eq!(
        machine.step(Event::WorkerEnded { clean: false }, now),
        Some(release)
    );
}

#[test]
fn a_suspended_slot_is_put_anew_before_it_runs_again() {
    let mut machine = running();
    machine.step(Event::SoftDeadline, Moment::ZERO);
    assert_eq!(
        machine.step(Event::HardDeadline, Moment::ZERO),
        Some(Effect::Lose)
    );
    assert_eq!(
        machine.step(Event::WorkerEnded { clean: false }, Moment::ZERO),
        None
    );
    let effect = machine.step(Event::Firm { nonce: 9 }, Moment::ZERO);
    assert_eq!(
        effect,
        Some(Effect::Reclaim {
            nonce: 9,
            revision: 7
        })
    );
    let effect = machine.step(Event::Granted { revision: 12 }, Moment::ZERO);
    assert_eq!(effect, Some(Effect::Start { revision: 12 }));
}

#[test]
fn a_lost_slot_is_not_released() {
    let mut machine = running();
    assert_eq!(machine.step(Event::Lost, Moment::ZERO), Some(Effect::Lose));
    assert_eq!(
        machine.step(Event::WorkerEnded { clean: false }, Moment::ZERO),
        None
    );
    assert!(machine.is_vacant());
}

#[test]
fn a_claim_that_is_not_wanted_any_more_is_given_back_when_it_succeeds() {
    let mut machine = SlotMachine::new(TIMES);
    machine.step(Event::Claim { nonce: 1 }, Moment::ZERO);
    assert_eq!(
        machine.step(Event::Stop(StopReason::GiveUp), Moment::ZERO),
        None
    );
    let effect = machine.step(Event::Granted { revision: 7 }, Moment::ZERO);
    assert_eq!(
        effect,
        Some(Effect::Release {
            revision: 7,
            clean: true
        })
    );
}
