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
    /// The last worker unlocked everything.
    clean: bool,
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
            clean: true,
        }
    }

    /// The events that can happen in this world.
    fn possible(&self) -> Vec<Event> {
        let revision = self.next_revision;
        let mut events = vec![
            Event::Stop(StopReason::GiveUp),
            Event::Press(StopPhase::Cancel),
            Event::Lost,
            Event::SoftDeadline,
            Event::HardDeadline,
            Event::SessionEnded,
            Event::Tick,
            Event::Firm { nonce: 2 },
            Event::Arrived { revision },
        ];
        if matches!(self.machine.state(), SlotState::Parting { .. }) {
            let nonce = 3;
            events.extend([
                Event::Keep { nonce },
                Event::HandOver { nonce },
                Event::GiveBack,
            ]);
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
            Some(Effect::Reclaim { .. }) => {
                events.extend([Event::Granted { revision }, Event::Refused, Event::Unknown]);
            }
            Some(Effect::Release { .. } | Effect::Transfer { .. }) => {
                events.extend([Event::Released, Event::Refused, Event::Unknown]);
            }
            _ => {}
        }
        events
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Granted { .. } | Event::Arrived { .. } => self.next_revision += 1,
            Event::WorkerEnded { .. } => self.worker = None,
            Event::Tick => self.now = self.now + Duration::from_secs(31),
            _ => {}
        }
        let before = self.in_flight;
        if matches!(
            event,
            Event::Granted { .. } | Event::Refused | Event::Released | Event::Unknown
        ) {
            self.in_flight = None;
        }
        let effect = self.machine.step(event, self.now);
        if event == Event::Unknown {
            assert_eq!(effect, before, "an unknown outcome is repeated identically");
        }
        if let Event::WorkerEnded { clean } = event {
            self.clean = clean;
        }
        self.judge(event, effect);
    }

    fn judge(&mut self, event: Event, effect: Option<Effect>) {
        match effect {
            Some(Effect::Start { revision, before }) => {
                let again = matches!(event, Event::Granted { .. });
                assert_eq!(before.is_some(), again, "who knows how the last one ended");
                let called_clean = before == Some(Before::Clean);
                assert!(
                    self.clean || !called_clean,
                    "an unclean end is called clean"
                );
                assert_eq!(self.worker, None, "a second worker starts");
                assert!(!self.started.contains(&revision), "an old fence runs again");
                self.started.push(revision);
                self.worker = Some(revision);
                self.told_lost = false;
            }
            Some(Effect::Release { clean, .. }) => {
                assert_eq!(self.worker, None, "released while the worker runs");
                assert!(self.clean || !clean, "an unclean end is called clean");
                self.in_flight = effect;
            }
            Some(Effect::Transfer { .. }) => {
                assert_eq!(self.worker, None, "handed over while the worker runs");
                self.in_flight = effect;
            }
            Some(Effect::Reclaim { .. }) => {
                assert_eq!(self.worker, None, "put anew while the worker runs");
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
    machine.step(Event::Arrived { revision: 7 }, Moment::ZERO);
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
    machine.step(Event::WorkerEnded { clean: false }, now);
    let release = Effect::Release {
        revision: 7,
        clean: false,
    };
    assert_eq!(machine.step(Event::GiveBack, now), Some(release));
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
    let start = Effect::Start {
        revision: 12,
        before: Some(Before::Unclean),
    };
    assert_eq!(effect, Some(start));
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
fn a_hand_over_that_is_refused_waits_for_new_orders() {
    let mut machine = running();
    machine.step(Event::Stop(StopReason::GiveUp), Moment::ZERO);
    machine.step(Event::WorkerEnded { clean: true }, Moment::ZERO);
    let transfer = Effect::Transfer {
        nonce: 4,
        revision: 7,
    };
    let hand_over = Event::HandOver { nonce: 4 };
    assert_eq!(machine.step(hand_over, Moment::ZERO), Some(transfer));
    assert_eq!(machine.step(Event::Unknown, Moment::ZERO), Some(transfer));
    assert_eq!(machine.step(Event::Refused, Moment::ZERO), None);
    // To run it here again, it is put anew first: that kills a transfer that is still under way.
    let keep = machine.step(Event::Keep { nonce: 5 }, Moment::ZERO);
    let reclaim = Effect::Reclaim {
        nonce: 5,
        revision: 7,
    };
    assert_eq!(keep, Some(reclaim));
}

#[test]
fn a_slot_that_was_lost_and_came_back_unseen_runs_under_its_new_fence_only() {
    let mut machine = running();
    let arrived = Event::Arrived { revision: 12 };
    assert_eq!(machine.step(arrived, Moment::ZERO), Some(Effect::Lose));
    machine.step(Event::WorkerEnded { clean: false }, Moment::ZERO);
    let reclaim = Effect::Reclaim {
        nonce: 9,
        revision: 12,
    };
    let firm = Event::Firm { nonce: 9 };
    assert_eq!(machine.step(firm, Moment::ZERO), Some(reclaim));
}

#[test]
fn what_was_cut_off_and_put_anew_but_not_wanted_is_not_called_clean() {
    let mut machine = running();
    machine.step(Event::HardDeadline, Moment::ZERO);
    machine.step(Event::WorkerEnded { clean: false }, Moment::ZERO);
    machine.step(Event::Firm { nonce: 9 }, Moment::ZERO);
    machine.step(Event::Stop(StopReason::GiveUp), Moment::ZERO);
    machine.step(Event::Granted { revision: 12 }, Moment::ZERO);
    let release = Effect::Release {
        revision: 12,
        clean: false,
    };
    assert_eq!(machine.step(Event::GiveBack, Moment::ZERO), Some(release));
}

#[test]
fn an_old_arrival_means_nothing() {
    let mut machine = running();
    assert_eq!(
        machine.step(Event::Arrived { revision: 7 }, Moment::ZERO),
        None
    );
    assert_eq!(machine.state(), SlotState::Running { revision: 7 });
}
