//! Every order of outcomes of small iterations, and the named cases.

use super::*;

const OUTCOMES: [Outcome; 8] = [
    Outcome::Done(0),
    Outcome::Done(2),
    Outcome::Failed,
    Outcome::FailedForNow,
    Outcome::FailedForGood,
    Outcome::Panicked,
    Outcome::Interrupted,
    Outcome::Abort,
];

/// Runs the machine through every sequence of outcomes and hands each finished walk to `check`.
fn walk(retries: u32, depth: usize, check: &mut impl FnMut(&[Step], &[Outcome], Ending)) {
    fn go(
        machine: &Iteration,
        steps: &mut Vec<Step>,
        outcomes: &mut Vec<Outcome>,
        depth: usize,
        check: &mut impl FnMut(&[Step], &[Outcome], Ending),
    ) {
        let mut here = machine.clone();
        let step = here.next(Hold::Firm, StopPhase::Run);
        steps.push(step);
        if let Step::End(ending) = step {
            check(steps, outcomes, ending);
        } else if depth > 0 {
            for outcome in OUTCOMES {
                // Only `Lock` returns records; one `Done` is enough for the others.
                if step != Step::Lock && outcome == Outcome::Done(2) {
                    continue;
                }
                let mut next = here.clone();
                next.finished(outcome);
                outcomes.push(outcome);
                go(&next, steps, outcomes, depth - 1, check);
                outcomes.pop();
            }
        }
        steps.pop();
    }
    go(
        &Iteration::new(retries),
        &mut Vec::new(),
        &mut Vec::new(),
        depth,
        check,
    );
}

#[test]
fn unlock_and_after_run_exactly_once_on_every_way_to_the_end() {
    let mut walks = 0;
    walk(1, 8, &mut |steps, outcomes, _| {
        walks += 1;
        let count = |step| steps.iter().filter(|s| **s == step).count();
        assert_eq!(count(Step::Unlock), 1, "{steps:?} {outcomes:?}");
        assert_eq!(count(Step::After), 1, "{steps:?} {outcomes:?}");
        assert!(count(Step::Lock) <= 1, "{steps:?}");
        let unlock = steps.iter().position(|s| *s == Step::Unlock).unwrap();
        assert!(
            !steps[unlock..]
                .iter()
                .any(|s| matches!(s, Step::Process(_) | Step::Quarantine(_))),
            "{steps:?}"
        );
    });
    assert!(walks > 10_000, "the walk saw only {walks} endings");
}

#[test]
fn the_ending_says_the_worst_that_happened_outside_the_records() {
    walk(0, 7, &mut |steps, outcomes, ending| {
        let hook = |wanted: &[Outcome]| {
            steps.iter().zip(outcomes).any(|(step, outcome)| {
                !matches!(step, Step::Process(_)) && wanted.contains(outcome)
            })
        };
        if hook(&[Outcome::Panicked]) {
            assert_eq!(
                ending,
                Ending::Broken { aborted: false },
                "{steps:?} {outcomes:?}"
            );
        }
        if ending == Ending::Worked || ending == Ending::Empty {
            assert!(
                !outcomes.contains(&Outcome::Abort),
                "{steps:?} {outcomes:?}"
            );
            assert!(
                !hook(&[Outcome::Failed, Outcome::FailedForGood]),
                "{steps:?} {outcomes:?}"
            );
        }
    });
}

#[test]
fn once_lost_nothing_is_called_from_any_state() {
    for lost in [(Hold::Lost, StopPhase::Run), (Hold::Firm, StopPhase::Abort)] {
        walk(1, 5, &mut |_, outcomes, _| {
            for cut in 0..outcomes.len() {
                let mut machine = Iteration::new(1);
                for outcome in &outcomes[..cut] {
                    machine.next(Hold::Firm, StopPhase::Run);
                    machine.finished(*outcome);
                }
                assert_eq!(machine.next(lost.0, lost.1), Step::End(Ending::Dropped));
            }
        });
    }
}

#[test]
fn no_record_begins_while_stopping_or_while_the_lease_ends() {
    for (hold, stop) in [
        (Hold::Firm, StopPhase::Drain),
        (Hold::Ending, StopPhase::Run),
    ] {
        let mut machine = Iteration::new(3);
        machine.next(Hold::Firm, StopPhase::Run);
        machine.finished(Outcome::Done(0));
        machine.next(Hold::Firm, StopPhase::Run);
        machine.finished(Outcome::Done(5));
        assert_eq!(machine.next(Hold::Firm, StopPhase::Run), Step::Process(0));
        machine.finished(Outcome::Done(0));
        assert_eq!(machine.next(hold, stop), Step::Unlock);
        machine.finished(Outcome::Done(0));
        assert_eq!(machine.next(hold, stop), Step::After);
        machine.finished(Outcome::Done(0));
        assert_eq!(machine.next(hold, stop), Step::End(Ending::Stopped));
        assert_eq!(machine.processed, 1);
    }
}

#[test]
fn a_stop_before_anything_began_calls_nothing() {
    let mut machine = Iteration::new(3);
    assert_eq!(
        machine.next(Hold::Firm, StopPhase::Drain),
        Step::End(Ending::Stopped)
    );
}

#[test]
fn failed_records_wait_for_the_rest_of_the_batch() {
    let mut machine = Iteration::new(1);
    let mut steps = Vec::new();
    loop {
        let step = machine.next(Hold::Firm, StopPhase::Run);
        steps.push(step);
        machine.finished(match step {
            Lock => Outcome::Done(3),
            Process(0) => Outcome::Failed,
            Process(1) => Outcome::FailedForGood,
            End(_) => break,
            _ => Outcome::Done(0),
        });
    }
    use Step::*;
    let expected = [
        Before,
        Lock,
        Process(0),
        Process(1),
        Quarantine(1),
        Process(2),
        Wait(1),
        Process(0),
        Quarantine(0),
        Unlock,
        After,
        End(Ending::Worked),
    ];
    assert_eq!(steps, expected);
    assert_eq!((machine.processed, machine.errors), (1, 3));
}

#[test]
fn a_record_that_helps_itself_is_never_quarantined() {
    let mut machine = Iteration::new(2);
    let mut processed = 0;
    loop {
        let step = machine.next(Hold::Firm, StopPhase::Run);
        machine.finished(match step {
            Step::Lock => Outcome::Done(1),
            Step::Process(_) => {
                processed += 1;
                Outcome::FailedForNow
            }
            Step::Quarantine(_) => panic!("quarantined"),
            Step::End(_) => break,
            _ => Outcome::Done(0),
        });
    }
    assert_eq!(processed, 3);
}

#[test]
fn a_retiring_slot_unlocks_and_locks_nothing() {
    let mut iteration = Iteration::unlocking();
    let next = |iteration: &mut Iteration| iteration.next(Hold::Firm, StopPhase::Run);
    assert_eq!(next(&mut iteration), Step::Unlock);
    iteration.finished(Outcome::Done(0));
    assert_eq!(next(&mut iteration), Step::After);
    iteration.finished(Outcome::Done(0));
    assert_eq!(next(&mut iteration), Step::End(Ending::Stopped));

    // What may be somebody else's by now is not unlocked here either.
    let mut lost = Iteration::unlocking();
    assert_eq!(
        lost.next(Hold::Lost, StopPhase::Run),
        Step::End(Ending::Dropped)
    );
}
