//! The promises about time: I3, I7 and that a slot is drained before it leaves.
//!
//! ```text
//! work open under token 5  --- store: granted, token 9 ---> DrainedFirst, unless excused
//!                          --- another process begins ----> NoOverlap, unless excused
//! ```
//!
//! Excused is a process that stands still, which cannot end anything, and one whose slot or lease
//! was tampered with, which cannot know yet. Both excuses run out: whoever was excused has to end
//! within the time that [`Rules`] gives, counted from when it went on, or from the tampering.
//!
//! A leader of etcd that wakes up may end a lease before its time, and nobody can be drained before
//! that. For as long as it may do so a slot may leave its owner early. No other process may work on it
//! all the same, until the owner has ended.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Event, Invariant, Rules, Violation, What};

/// Who works, on which slot, under which token.
type Worker<'e> = (&'e str, &'e str, u64);

/// Work that is open: how many pieces, and the first of them.
struct Open<'e> {
    pieces: usize,
    began: &'e Event,
    /// It goes on without owning the slot, as an event showed, and must end by then. `None` as
    /// long as its process stands still.
    late: Option<(Option<Duration>, &'e Event)>,
}

struct Court<'e> {
    rules: Rules,
    open: BTreeMap<Worker<'e>, Open<'e>>,
    /// Under which token the store says that each slot is held, and where it says so.
    owner: BTreeMap<&'e str, (u64, &'e Event)>,
    stopped: BTreeMap<Worker<'e>, &'e Event>,
    /// Who stands still, and since when.
    paused: BTreeMap<&'e str, Duration>,
    resumed: BTreeMap<&'e str, Duration>,
    /// Slots and processes that were tampered with, and when last.
    tampered: BTreeMap<&'e str, Duration>,
    /// Until when leases may end before their time.
    unreliable: Duration,
    violations: Vec<Violation>,
}

pub(super) fn judge(events: &[Event], rules: Rules) -> Vec<Violation> {
    let mut court = Court {
        rules,
        open: BTreeMap::new(),
        owner: BTreeMap::new(),
        stopped: BTreeMap::new(),
        paused: BTreeMap::new(),
        resumed: BTreeMap::new(),
        tampered: BTreeMap::new(),
        unreliable: Duration::ZERO,
        violations: Vec::new(),
    };
    for event in events {
        court.hear(event);
    }
    if let Some(last) = events.last() {
        court.close(last);
    }
    court.violations
}

impl<'e> Court<'e> {
    fn hear(&mut self, event: &'e Event) {
        match &event.what {
            What::Granted { slot, token, .. } => {
                self.owner.insert(slot, (*token, event));
                self.left(slot, Some(*token), Invariant::DrainedFirst, event);
            }
            What::Freed { slot } => {
                self.owner.remove(slot.as_str());
                self.left(slot, None, Invariant::DrainedFirst, event);
            }
            What::Acquired {
                slot,
                process,
                token,
            } => {
                self.stopped.remove(&(slot, process, *token));
            }
            What::Began {
                slot,
                process,
                token,
            } => self.began((slot, process, *token), event),
            What::Ended {
                slot,
                process,
                token,
            } => self.ended(&(slot, process, *token), event),
            What::Stopped {
                slot,
                process,
                token,
            } => {
                self.stopped.insert((slot, process, *token), event);
            }
            What::Effect {
                slot,
                process,
                token,
                ..
            } => self.works(&(slot, process, *token), event),
            What::Paused { process } => {
                self.paused.insert(process, event.at);
            }
            What::Resumed { process } => self.resumed(process, event.at),
            What::Died { process } => self.open.retain(|(_, who, _), _| who != process),
            What::SlotTampered { slot } => {
                self.tampered.insert(slot, event.at);
            }
            What::LeaseTampered { process } => {
                self.tampered.insert(process, event.at);
            }
            What::LeaderWoken => self.unreliable = event.at + self.rules.notice,
            What::Calm { .. } | What::Note(_) => {}
        }
    }

    /// The slot is not held any more under any token but `now`: nobody may work under another.
    fn left(&mut self, slot: &str, now: Option<u64>, invariant: Invariant, event: &'e Event) {
        let rules = self.rules;
        if invariant == Invariant::DrainedFirst && event.at <= self.unreliable {
            return;
        }
        for ((of, process, token), open) in &mut self.open {
            if *of != slot || Some(*token) == now || open.late.is_some() {
                continue;
            }
            let noticed = noticed(&self.tampered, of, process, rules);
            let woken = self.resumed.get(process).map(|at| *at + rules.wake);
            let until = noticed.max(woken).filter(|until| *until >= event.at);
            if self.paused.contains_key(process) {
                open.late = Some((None, event));
            } else if until.is_some() {
                open.late = Some((until, event));
            } else {
                let what = format!("{process} works on {slot} under token {token} all the same");
                let shown = match self.owner.get(slot) {
                    // It began without owning it.
                    Some((_, said)) if std::ptr::eq(open.began, event) => [*said, event],
                    _ => [open.began, event],
                };
                self.violations
                    .push(Violation::new(invariant, what, &shown));
                // Told once.
                open.late = Some((None, event));
            }
        }
    }

    fn began(&mut self, worker: Worker<'e>, event: &'e Event) {
        let (slot, process, token) = worker;
        self.works(&worker, event);
        // Of two, the one that the store knows is in the right.
        let owner = self.owner.get(slot).map_or(token, |(owner, _)| *owner);
        let others = self.open.iter().find(|((of, who, under), open)| {
            *of == slot && *under == token && *who != process && open.late.is_none()
        });
        if let Some((_, open)) = others {
            let what = format!("two processes work on {slot} under token {token}");
            let shown = [open.began, event];
            self.violations
                .push(Violation::new(Invariant::NoOverlap, what, &shown));
        }
        let open = self.open.entry(worker).or_insert(Open {
            pieces: 0,
            began: event,
            late: None,
        });
        open.pieces += 1;
        self.left(slot, Some(owner), Invariant::NoOverlap, event);
    }

    /// I7: a worker that stopped does nothing more.
    fn works(&mut self, worker: &Worker<'e>, event: &'e Event) {
        if let Some(stopped) = self.stopped.get(worker) {
            let (slot, process, token) = worker;
            let what = format!("{process} works on {slot} under token {token} after it stopped");
            let shown = [*stopped, event];
            self.violations
                .push(Violation::new(Invariant::StoppedIsStopped, what, &shown));
        }
    }

    fn ended(&mut self, worker: &Worker<'e>, event: &'e Event) {
        let Some(open) = self.open.get_mut(worker) else {
            return;
        };
        open.pieces -= 1;
        if open.pieces == 0
            && let Some(open) = self.open.remove(worker)
        {
            self.in_time(worker, &open, event);
        }
    }

    /// What was excused must not have lasted longer than the excuse.
    fn in_time(&mut self, worker: &Worker<'e>, open: &Open<'e>, event: &'e Event) {
        let Some((Some(until), since)) = open.late else {
            return;
        };
        if event.at > until {
            let (slot, process, token) = worker;
            let what = format!(
                "{process} worked on {slot} under token {token} for too long, until {:?} and not {until:?}",
                event.at
            );
            let shown = [open.began, since, event];
            self.violations
                .push(Violation::new(Invariant::NoOverlap, what, &shown));
        }
    }

    /// Whoever goes on has little time to notice what it slept through.
    fn resumed(&mut self, process: &'e str, at: Duration) {
        let since = self.paused.remove(process).unwrap_or(at);
        self.resumed.insert(process, at);
        for ((slot, who, _), open) in &mut self.open {
            let Some((until, _)) = &mut open.late else {
                continue;
            };
            // An excuse that had not run out before goes on.
            if *who == process && until.is_none_or(|until| until >= since) {
                let woken = Some(at + self.rules.wake);
                let noticed = noticed(&self.tampered, slot, process, self.rules);
                *until = (*until).max(woken).max(noticed);
            }
        }
    }

    /// At the end of the history: what is still open and had to end before.
    fn close(&mut self, last: &'e Event) {
        for (worker, open) in std::mem::take(&mut self.open) {
            self.in_time(&worker, &open, last);
        }
    }
}

/// Until when a worker need not know that somebody tampered with its slot or its lease.
fn noticed(
    tampered: &BTreeMap<&str, Duration>,
    slot: &str,
    process: &str,
    rules: Rules,
) -> Option<Duration> {
    let tampered = [tampered.get(slot), tampered.get(process)];
    let last = tampered.into_iter().flatten().max();
    last.map(|at| *at + rules.notice)
}
