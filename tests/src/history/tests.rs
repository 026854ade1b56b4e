//! Hand-made histories: a good one passes, and one that breaks an invariant is found by its name.

use std::time::Duration;

use super::{Event, Invariant, Rules, What, judge};

const RULES: Rules = Rules {
    wake: Duration::from_millis(50),
    notice: Duration::from_secs(3),
    recover: Duration::from_secs(10),
};

/// A history, one word for each column: `at who what token unit`. All of it is about one slot.
fn history(text: &str) -> Vec<Event> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(event).collect()
}

fn event(line: &str) -> Event {
    let words: Vec<_> = line.split_whitespace().collect();
    let slot = || "a@0".to_owned();
    let process = || words[1].to_owned();
    let number = |at: usize| words[at].parse::<u64>().unwrap();
    let what = match words[2] {
        "granted" => What::Granted {
            slot: slot(),
            node: process(),
            token: number(3),
        },
        "freed" => What::Freed { slot: slot() },
        "acquired" => What::Acquired {
            slot: slot(),
            process: process(),
            token: number(3),
        },
        "began" => What::Began {
            slot: slot(),
            process: process(),
            token: number(3),
        },
        "ended" => What::Ended {
            slot: slot(),
            process: process(),
            token: number(3),
        },
        "stopped" => What::Stopped {
            slot: slot(),
            process: process(),
            token: number(3),
        },
        "accepted" | "refused" => What::Effect {
            slot: slot(),
            process: process(),
            token: number(3),
            unit: number(4),
            accepted: words[2] == "accepted",
        },
        "paused" => What::Paused { process: process() },
        "resumed" => What::Resumed { process: process() },
        "died" => What::Died { process: process() },
        "deleted" => What::SlotTampered { slot: slot() },
        "revoked" => What::LeaseTampered { process: process() },
        "wakes" => What::LeaderWoken,
        "calm" => What::Calm {
            slots: vec![slot()],
        },
        other => panic!("`{other}` in `{line}`"),
    };
    let at = Duration::from_millis(number(0));
    Event { at, what }
}

fn found(text: &str) -> Vec<Invariant> {
    let violations = judge(&history(text), RULES);
    violations.into_iter().map(|it| it.invariant).collect()
}

#[test]
fn a_good_history_passes() {
    let good = "
        0 n1 granted 5
        1 n1#1 acquired 5
        2 n1#1 began 5
        9 n1#1 accepted 5 1
        10 n1#1 ended 5
        11 n1#1 stopped 5
        12 n2 granted 7
        13 n2#1 acquired 7
        14 n2#1 began 7
        20 n2#1 died
        5000 store freed
        5001 n3 granted 9
        5002 n3#1 acquired 9
        5003 world calm
        5004 n3#1 began 9
        5005 n3#1 accepted 9 2
        5006 n3#1 ended 9
    ";
    assert_eq!(found(good), []);
}

#[test]
fn i1_a_lower_token_that_is_accepted_is_found() {
    let stale = "
        0 n1 granted 5
        1 n2 granted 7
        2 n2#1 accepted 7 1
        3 n1#1 refused 5 1
        4 n1#1 accepted 5 2
    ";
    assert_eq!(found(stale), [Invariant::FencesRise]);
}

#[test]
fn i2_a_token_that_was_not_granted_or_to_another_node_is_found() {
    assert_eq!(found("0 n1#1 accepted 5 1"), [Invariant::FencesAreGranted]);
    let of_another = "
        0 n2 granted 5
        1 n1#1 accepted 5 1
    ";
    assert_eq!(found(of_another), [Invariant::FencesAreGranted]);
}

#[test]
fn i3_two_workers_at_once_are_found_also_under_one_token() {
    let two = "
        0 n1#1 began 5
        1 n2#1 began 7
    ";
    assert_eq!(found(two), [Invariant::NoOverlap]);
    let same = "
        0 n1#1 began 5
        1 n2#1 began 5
    ";
    assert_eq!(found(same), [Invariant::NoOverlap]);
}

#[test]
fn i3_a_paused_worker_is_excused_until_it_had_time_to_wake() {
    let ends = |at: u64| {
        format!(
            "0 n1 granted 5
             1 n1#1 began 5
             2 n1#1 paused
             6000 store freed
             6001 n2 granted 7
             6002 n2#1 began 7
             8000 n1#1 resumed
             {at} n1#1 ended 5
             9000 n2#1 ended 7"
        )
    };
    assert_eq!(found(&ends(8050)), []);
    assert_eq!(found(&ends(8051)), [Invariant::NoOverlap]);
    let for_ever = ends(8050).replace("8050 n1#1 ended 5", "");
    assert_eq!(found(&for_ever), [Invariant::NoOverlap]);
}

#[test]
fn i3_tampering_from_outside_excuses_for_a_while() {
    let ends = |at: u64, how: &str| {
        format!(
            "0 n1 granted 5
             1 n1#1 began 5
             1000 n1#1 {how}
             1001 store freed
             1002 n2 granted 7
             1003 n2#1 began 7
             {at} n1#1 ended 5"
        )
    };
    for how in ["deleted", "revoked"] {
        assert_eq!(found(&ends(4000, how)), [], "{how}");
        assert_eq!(found(&ends(4001, how)), [Invariant::NoOverlap], "{how}");
    }
}

#[test]
fn i3_a_leader_that_wakes_up_excuses_what_it_revokes_and_no_overlap() {
    let story = |freed: u64, then: [&str; 2]| {
        let [first, second] = then;
        format!(
            "0 n1 granted 5
             1 n1#1 began 5
             1000 etcd wakes
             {freed} store freed
             {freed} n2 granted 7
             {freed} {first}
             {freed} {second}"
        )
    };
    let (ends, begins) = ("n1#1 ended 5", "n2#1 began 7");
    assert_eq!(found(&story(1500, [ends, begins])), []);
    assert_eq!(found(&story(1500, [begins, ends])), [Invariant::NoOverlap]);
    // After that time it is the node that let it go.
    assert_eq!(
        found(&story(9000, [ends, begins])),
        [Invariant::DrainedFirst]
    );
}

#[test]
fn i3_a_pause_while_an_excuse_lasts_makes_it_longer_and_one_after_it_does_not() {
    let pauses = |at: u64| {
        format!(
            "0 n1 granted 5
             1 n1#1 began 5
             1000 n1#1 revoked
             1001 store freed
             {at} n1#1 paused
             8000 n1#1 resumed
             8050 n1#1 ended 5"
        )
    };
    assert_eq!(found(&pauses(4000)), []);
    assert_eq!(found(&pauses(4001)), [Invariant::NoOverlap]);
}

#[test]
fn i3_tampering_during_a_pause_excuses_for_as_long_as_it_would_without() {
    let ends = |at: u64| {
        format!(
            "0 n1 granted 5
             1 n1#1 began 5
             500 n1#1 paused
             1000 n1#1 revoked
             1001 store freed
             1500 n1#1 resumed
             {at} n1#1 ended 5"
        )
    };
    assert_eq!(found(&ends(4000)), []);
    assert_eq!(found(&ends(4001)), [Invariant::NoOverlap]);
}

#[test]
fn i3_whoever_begins_without_owning_is_the_one_to_blame() {
    let again = |tampered: &str| {
        format!(
            "0 n1 granted 5
             1 n1#1 acquired 5
             2 {tampered}
             3 n2 granted 7
             4 n2#1 began 7
             5 n1#1 began 5
             6 n1#1 ended 5"
        )
    };
    assert_eq!(found(&again("n1#1 revoked")), []);
    assert_eq!(found(&again("n3#1 revoked")), [Invariant::NoOverlap]);
    // It is shown with what the store says.
    let violations = judge(&history(&again("n3#1 revoked")), RULES);
    let shown = violations[0].shown_by[0].what.clone();
    assert!(matches!(shown, What::Granted { token: 7, .. }), "{shown:?}");
}

#[test]
fn i4_a_token_that_is_granted_or_acquired_twice_is_found() {
    let granted = "
        0 n1 granted 5
        1 n1 granted 5
    ";
    assert_eq!(found(granted), [Invariant::GrantedOnce]);
    let acquired = "
        0 n1#1 acquired 5
        1 n1#1 acquired 5
        2 n2#1 acquired 5
    ";
    assert_eq!(found(acquired), [Invariant::GrantedOnce]);
}

#[test]
fn i5_a_slot_that_does_not_run_again_in_time_is_found() {
    let begins = |at: u64| format!("0 world calm\n{at} n1#1 began 5");
    assert_eq!(found(&begins(10_000)), []);
    assert_eq!(found(&begins(10_001)), [Invariant::Available]);
    // A long piece of work runs all along; one that ended or died does not.
    let before = |then: &str| format!("0 n1#1 began 5\n{then}\n2 world calm");
    assert_eq!(found(&before("")), []);
    assert_eq!(found(&before("1 n1#1 ended 5")), [Invariant::Available]);
    assert_eq!(found(&before("1 n1#1 died")), [Invariant::Available]);
}

#[test]
fn i6_a_unit_that_is_lost_or_done_twice_is_found() {
    let units = |second: u64| {
        format!(
            "0 n1 granted 5
             1 n1#1 accepted 5 1
             2 n1#1 accepted 5 {second}"
        )
    };
    assert_eq!(found(&units(2)), []);
    assert_eq!(found(&units(1)), [Invariant::NothingLost]);
    assert_eq!(found(&units(3)), [Invariant::NothingLost]);
}

#[test]
fn i7_work_after_the_stop_is_found() {
    let after = "
        0 n1#1 stopped 5
        1 n1#1 began 5
    ";
    assert_eq!(found(after), [Invariant::StoppedIsStopped]);
    let built_again = "
        0 n1#1 stopped 5
        1 n1#1 acquired 5
        2 n1#1 began 5
    ";
    assert_eq!(found(built_again), []);
}

#[test]
fn a_slot_that_leaves_its_owner_before_the_work_ended_is_found() {
    for leaves in ["store freed", "n2 granted 7"] {
        let early = format!("0 n1#1 began 5\n1 {leaves}");
        assert_eq!(found(&early), [Invariant::DrainedFirst], "{leaves}");
    }
}
