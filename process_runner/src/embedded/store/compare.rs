//! The conditions of a transaction.
//!
//! A condition over a range holds if it holds for every key in it. A missing key counts as version, revisions and lease
//! zero, except that no comparison of values holds for it: an empty value and no value must not look alike.

use std::cmp::Ordering;

use etcd_client::proto::{PbCompare, PbKeyValue, PbTargetUnion};

use super::key_range::KeyRange;
use super::keyspace::KeySpace;

const VALUE: i32 = 3;

/// Whether `compare` holds in `space` as seen at `revision`.
pub(super) fn holds(space: &KeySpace, compare: &PbCompare, revision: i64) -> bool {
    let keys = KeyRange::new(&compare.key, &compare.range_end);
    let mut found = space.scan(keys, revision).peekable();
    if found.peek().is_none() {
        return compare.target != VALUE && holds_for(compare, &PbKeyValue::default());
    }
    found.all(|kv| holds_for(compare, kv))
}

fn holds_for(compare: &PbCompare, kv: &PbKeyValue) -> bool {
    let ordering = order(compare, kv);
    match compare.result {
        0 => ordering == Ordering::Equal,
        1 => ordering == Ordering::Greater,
        2 => ordering == Ordering::Less,
        3 => ordering != Ordering::Equal,
        _ => true,
    }
}

/// How the key's side stands to the given value. A value of another kind than the target counts as absent: zero.
fn order(compare: &PbCompare, kv: &PbKeyValue) -> Ordering {
    let given = compare.target_union.as_ref();
    match (compare.target, given) {
        (0, Some(PbTargetUnion::Version(version))) => kv.version.cmp(version),
        (0, _) => kv.version.cmp(&0),
        (1, Some(PbTargetUnion::CreateRevision(revision))) => kv.create_revision.cmp(revision),
        (1, _) => kv.create_revision.cmp(&0),
        (2, Some(PbTargetUnion::ModRevision(revision))) => kv.mod_revision.cmp(revision),
        (2, _) => kv.mod_revision.cmp(&0),
        (VALUE, Some(PbTargetUnion::Value(value))) => kv.value.cmp(value),
        (VALUE, _) => kv.value.as_slice().cmp(&[]),
        (4, Some(PbTargetUnion::Lease(lease))) => kv.lease.cmp(lease),
        (4, _) => kv.lease.cmp(&0),
        _ => Ordering::Equal,
    }
}
