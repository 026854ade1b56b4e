//! Random operations: few keys, few values, revisions near the present, so that they meet.

use etcd_client::{CompareOp, SortOrder, SortTarget};

use crate::operation::{Condition, Delete, Get, Operation, Put, Step, Target, Transaction};
use crate::watching::Watcher;

/// Not more than six: etcd 3.5.1 sorts more in an order that leaves equal values as they happen to fall.
const KEYS: [&str; 6] = ["a", "aa", "b", "c", "d", "\u{ff}"];
const ENDS: [&str; 6] = ["", "", "b", "d", "\0", "\u{ff}\u{ff}"];

/// A small generator of random numbers with a seed (splitmix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: i64) -> i64 {
        i64::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    pub(crate) fn one_in(&mut self, n: i64) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(i64::try_from(from.len()).unwrap())).unwrap()].clone()
    }

    fn key(&mut self) -> String {
        self.pick(&KEYS).to_owned()
    }

    fn end(&mut self) -> String {
        self.pick(&ENDS).to_owned()
    }

    /// No lease mostly, one that may be there, or one that never is.
    fn lease(&mut self) -> i64 {
        self.pick(&[0, 0, 0, 1, 2, 3, 9])
    }

    fn revision(&mut self, now: i64) -> i64 {
        match self.below(3) {
            0 => 0,
            _ => now - self.below(25) + 1,
        }
    }
}

fn put(dice: &mut Dice) -> Put {
    let ignore_value = dice.one_in(8);
    let ignore_lease = dice.one_in(8);
    Put {
        key: dice.key(),
        value: if ignore_value {
            String::new()
        } else {
            dice.below(4).to_string()
        },
        lease: if ignore_lease { 0 } else { dice.lease() },
        prev: dice.one_in(2),
        ignore_value,
        ignore_lease,
    }
}

fn get(dice: &mut Dice, now: i64) -> Get {
    let targets = [
        SortTarget::Key,
        SortTarget::Version,
        SortTarget::Create,
        SortTarget::Mod,
        SortTarget::Value,
    ];
    let orders = [SortOrder::None, SortOrder::Ascend, SortOrder::Descend];
    let bounds = |dice: &mut Dice| match dice.one_in(5) {
        true => (dice.revision(now).max(0), dice.revision(now).max(0)),
        false => (0, 0),
    };
    Get {
        key: dice.key(),
        end: dice.end(),
        revision: dice.revision(now),
        limit: dice.pick(&[0, 0, 1, 2, 3]),
        sort: dice
            .one_in(3)
            .then(|| (dice.pick(&targets), dice.pick(&orders))),
        keys_only: dice.one_in(6),
        count_only: dice.one_in(8),
        mod_revisions: bounds(dice),
        create_revisions: bounds(dice),
    }
}

fn delete(dice: &mut Dice) -> Delete {
    let end = if dice.one_in(3) {
        dice.end()
    } else {
        String::new()
    };
    Delete {
        key: dice.key(),
        end,
        prev: dice.one_in(2),
    }
}

/// A deletion with an end. etcd does not see that one without an end meets a put of the same transaction, and a put
/// that wants the old value or lease then panics: the real server dies. The embedded one puts without them.
fn bounded(delete: Delete) -> Delete {
    match delete.end.as_str() {
        "\0" => Delete {
            end: String::new(),
            ..delete
        },
        _ => delete,
    }
}

fn condition(dice: &mut Dice, now: i64) -> Condition {
    let ops = [
        CompareOp::Equal,
        CompareOp::Greater,
        CompareOp::Less,
        CompareOp::NotEqual,
    ];
    let target = match dice.below(5) {
        0 => Target::Version(dice.below(3)),
        1 => Target::Create(dice.revision(now)),
        2 => Target::Mod(dice.revision(now)),
        3 => Target::Lease(dice.lease()),
        _ => Target::Value(dice.below(4).to_string()),
    };
    let end = if dice.one_in(4) {
        dice.end()
    } else {
        String::new()
    };
    Condition {
        key: dice.key(),
        end,
        op: dice.pick(&ops),
        target,
    }
}

fn transaction(dice: &mut Dice, now: i64, depth: i64) -> Transaction {
    let steps = |dice: &mut Dice| -> Vec<Step> {
        let count = dice.below(4);
        (0..count)
            .map(|_| match dice.below(if depth > 0 { 8 } else { 7 }) {
                0..3 => Step::Put(put(dice)),
                3..5 => Step::Get(get(dice, now)),
                5..7 => Step::Delete(bounded(delete(dice))),
                _ => Step::Txn(transaction(dice, now, depth - 1)),
            })
            .collect()
    };
    let (then, otherwise) = (steps(dice), steps(dice));
    let count = dice.below(3);
    let when = (0..count).map(|_| condition(dice, now)).collect();
    Transaction {
        when,
        then,
        otherwise,
    }
}

pub(crate) fn operation(dice: &mut Dice, now: i64) -> Operation {
    match dice.below(40) {
        0..11 => Operation::Put(put(dice)),
        11..17 => Operation::Get(get(dice, now)),
        17..20 => Operation::Delete(delete(dice)),
        20..32 => Operation::Txn(transaction(dice, now, 2)),
        32 => Operation::Compact {
            revision: now - 10 - dice.below(20),
            physical: dice.one_in(2),
        },
        33..35 => Operation::Grant {
            id: dice.below(3) + 1,
            ttl: 1000 + dice.below(100),
        },
        35 => Operation::Revoke(dice.below(4) + 1),
        36 => Operation::KeepAlive(dice.below(4) + 1),
        37 => Operation::TimeToLive {
            id: dice.below(4) + 1,
            keys: dice.one_in(2),
        },
        38 => Operation::Leases,
        _ => Operation::Get(get(dice, now)),
    }
}

pub(crate) fn watcher(dice: &mut Dice, start: i64) -> Watcher {
    Watcher {
        id: 0,
        key: dice.key(),
        end: dice.pick(&["", "b", "d", "\0", "\0"]).to_owned(),
        start,
        prev: dice.one_in(2),
        no_put: dice.one_in(6),
        no_delete: dice.one_in(6),
    }
}
