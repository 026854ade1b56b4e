//! Settle, brake and probation, each at its edges.

use super::*;

const START: Moment = Moment::from_nanos(1 << 60);
const TTL: Duration = Duration::from_secs(10);

fn after(millis: u64) -> Moment {
    START + Duration::from_millis(millis)
}

/// `count` members that have been there for long.
fn settled_cluster(count: usize) -> Turnover {
    let mut turnover = Turnover::new(TTL);
    for node in 0..count {
        turnover.joined(format!("n{node}").into(), 0, START - TTL);
    }
    assert_eq!(turnover.scope(START), Scope::Balance);
    turnover
}

#[test]
fn balance_waits_until_a_newcomer_has_settled_and_names_that_moment() {
    let mut turnover = settled_cluster(3);
    turnover.joined("new".into(), 0, START);
    assert_eq!(turnover.scope(after(999)), Scope::Needed);
    assert_eq!(turnover.next_change(START), after(1000));
    assert_eq!(turnover.scope(after(1000)), Scope::Balance);
    assert_eq!(turnover.next_change(after(1000)), Moment::NEVER);
}

#[test]
fn an_endless_row_of_newcomers_does_not_stop_balance() {
    let mut turnover = settled_cluster(3);
    let mut balanced = 0;
    for millis in (0..20_000).step_by(100) {
        turnover.joined(format!("new{millis}").into(), 0, after(millis));
        balanced += u32::from(turnover.scope(after(millis + 99)) == Scope::Balance);
    }
    assert!(balanced >= 3, "balanced {balanced} times in 20 s");
}

#[test]
fn losing_more_than_a_third_and_at_least_three_freezes_balance_for_a_ttl() {
    for (members, losses, frozen) in [
        (2, 2, false),
        (3, 3, true),
        (8, 2, false),
        (8, 3, true),
        (9, 3, false),
        (9, 4, true),
        (100, 33, false),
        (100, 34, true),
    ] {
        let mut turnover = settled_cluster(members);
        for loss in 0..losses {
            turnover.left(&format!("n{loss}"), false, after(loss));
        }
        let last = losses - 1;
        assert_eq!(
            turnover.is_frozen(after(last)),
            frozen,
            "{losses} of {members}"
        );
        if frozen {
            assert_eq!(turnover.scope(after(last + 9_999)), Scope::Needed);
            assert_eq!(turnover.next_change(after(last)), after(last + 10_000));
        }
        assert_eq!(turnover.scope(after(last + 10_000)), Scope::Balance);
    }
}

#[test]
fn a_further_loss_prolongs_the_freeze_and_slow_or_orderly_losses_begin_none() {
    let mut turnover = settled_cluster(6);
    for loss in 0..3 {
        turnover.left(&format!("n{loss}"), false, START);
    }
    turnover.left("n3", false, after(9_000));
    assert!(turnover.is_frozen(after(18_999)));
    assert!(!turnover.is_frozen(after(19_000)));

    let mut slow = settled_cluster(6);
    for loss in 0..5 {
        slow.left(&format!("n{loss}"), false, after(loss * 10_001));
        assert!(!slow.is_frozen(after(loss * 10_001)));
    }
    let mut orderly = settled_cluster(6);
    for node in 0..5 {
        orderly.left(&format!("n{node}"), true, START);
    }
    assert_eq!(orderly.scope(START), Scope::Balance);
}

/// Interleaving 17.
#[test]
fn a_node_that_crashes_again_and_again_stays_on_probation_ever_longer() {
    let mut turnover = settled_cluster(2);
    for (crashes, seconds) in [(1, 30), (2, 60), (3, 120), (7, 1920), (400, 1920)] {
        turnover.joined("crashing".into(), crashes, START);
        let millis = seconds * 1000;
        assert!(
            turnover.last_resort("crashing", after(millis - 1)),
            "{crashes}"
        );
        assert!(
            !turnover.last_resort("crashing", after(millis)),
            "{crashes}"
        );
        assert_eq!(turnover.next_change(after(1000)), after(millis));
    }
    assert!(!turnover.last_resort("n0", START));
}
