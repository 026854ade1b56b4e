//! The rules of etcd's key space that are easy to get wrong, one test each.

use super::*;
use etcd_client::proto::{
    PbCompare, PbKeyValue, PbTargetUnion, PbTxnOpRequest, PbTxnOpResponse, PbTxnRequestOp,
};

const NOW: Duration = Duration::from_secs(1);

fn store() -> Store {
    let identity = Identity {
        cluster_id: 1,
        member_id: 2,
    };
    let retention = Retention {
        revisions: 1000,
        bytes: 1 << 20,
    };
    Store::new(identity, 2, retention)
}

fn put(key: &str, value: &str) -> PbPutRequest {
    PbPutRequest {
        key: key.into(),
        value: value.into(),
        ..Default::default()
    }
}

fn delete(key: &str, range_end: &str) -> PbDeleteRequest {
    PbDeleteRequest {
        key: key.into(),
        range_end: range_end.into(),
        prev_kv: false,
    }
}

fn get(store: &Store, key: &str) -> Option<PbKeyValue> {
    let request = range(key, "");
    store.range(&request).unwrap().kvs.pop()
}

fn range(key: &str, range_end: &str) -> PbRangeRequest {
    PbRangeRequest {
        key: key.into(),
        range_end: range_end.into(),
        ..Default::default()
    }
}

fn op(request: PbTxnOpRequest) -> PbTxnRequestOp {
    PbTxnRequestOp {
        request: Some(request),
    }
}

fn put_op(key: &str, value: &str) -> PbTxnRequestOp {
    op(PbTxnOpRequest::RequestPut(put(key, value)))
}

fn delete_op(key: &str, range_end: &str) -> PbTxnRequestOp {
    op(PbTxnOpRequest::RequestDeleteRange(delete(key, range_end)))
}

fn range_op(key: &str) -> PbTxnRequestOp {
    op(PbTxnOpRequest::RequestRange(range(key, "")))
}

fn nested(txn: PbTxnRequest) -> PbTxnRequestOp {
    op(PbTxnOpRequest::RequestTxn(txn))
}

fn then(success: Vec<PbTxnRequestOp>) -> PbTxnRequest {
    PbTxnRequest {
        success,
        ..Default::default()
    }
}

fn compare(key: &str, target: i32, result: i32, union: PbTargetUnion) -> PbCompare {
    PbCompare {
        result,
        target,
        key: key.into(),
        range_end: Vec::new(),
        target_union: Some(union),
    }
}

fn log(store: &Store, from: i64) -> Vec<(i64, String, i64)> {
    store
        .space()
        .changes(from, i64::MAX)
        .map(|kv| {
            let key = String::from_utf8(kv.key.clone()).unwrap();
            (kv.mod_revision, key, kv.version)
        })
        .collect()
}

#[test]
fn the_store_starts_at_one_and_the_first_write_is_two() {
    let mut store = store();
    assert_eq!(store.revision(), 1);
    let reply = store.put(&put("a", "1")).unwrap();
    assert_eq!(reply.header.unwrap().revision, 2);
}

#[test]
fn deleting_nothing_consumes_no_revision() {
    let mut store = store();
    let reply = store.delete_range(&delete("a", "z")).unwrap();
    assert_eq!((reply.deleted, reply.header.unwrap().revision), (0, 1));
    let reply = store.txn(&then(vec![delete_op("a", "")])).unwrap();
    assert_eq!(reply.header.unwrap().revision, 1);
    assert!(store.take_journal().is_empty());
}

#[test]
fn a_transaction_is_one_revision_with_its_changes_in_operation_order() {
    let mut store = store();
    store.put(&put("b", "")).unwrap();
    let ops = vec![put_op("z", ""), delete_op("b", ""), put_op("a", "")];
    store.txn(&then(ops)).unwrap();
    let expected = [(3, "z".into(), 1), (3, "b".into(), 0), (3, "a".into(), 1)];
    assert_eq!(log(&store, 3), expected);
}

#[test]
fn deletion_resets_the_version_and_a_new_creation_counts_from_one() {
    let mut store = store();
    store.put(&put("a", "1")).unwrap();
    store.put(&put("a", "2")).unwrap();
    store.delete_range(&delete("a", "")).unwrap();
    store.put(&put("a", "3")).unwrap();
    let kv = get(&store, "a").unwrap();
    assert_eq!((kv.version, kv.create_revision, kv.mod_revision), (1, 5, 5));
    let deletion = store.space().changes(4, 4).next().unwrap();
    let expected = PbKeyValue {
        key: b"a".to_vec(),
        mod_revision: 4,
        ..Default::default()
    };
    assert_eq!(**deletion, expected);
}

#[test]
fn operations_see_earlier_ones_and_conditions_see_the_state_before() {
    let mut store = store();
    let missing = compare("a", 0, 0, PbTargetUnion::Version(0));
    let inner = PbTxnRequest {
        compare: vec![missing.clone()],
        success: vec![range_op("a")],
        failure: vec![],
    };
    let reply = store
        .txn(&then(vec![put_op("a", "1"), range_op("a"), nested(inner)]))
        .unwrap();
    let Some(PbTxnOpResponse::ResponseRange(seen)) = &reply.responses[1].response else {
        panic!("no range reply");
    };
    assert_eq!((seen.count, seen.kvs[0].mod_revision), (1, 2));
    let Some(PbTxnOpResponse::ResponseTxn(inner)) = &reply.responses[2].response else {
        panic!("no nested reply");
    };
    assert!(inner.succeeded, "judged before the put");
}

#[test]
fn a_missing_key_compares_as_zero_but_never_by_value() {
    let mut store = store();
    let holds = |store: &mut Store, condition: PbCompare| {
        let txn = PbTxnRequest {
            compare: vec![condition],
            ..Default::default()
        };
        store.txn(&txn).unwrap().succeeded
    };
    for (target, union) in [
        (0, PbTargetUnion::Version(0)),
        (1, PbTargetUnion::CreateRevision(0)),
        (2, PbTargetUnion::ModRevision(0)),
        (4, PbTargetUnion::Lease(0)),
    ] {
        assert!(holds(&mut store, compare("a", target, 0, union)));
    }
    for result in 0..4 {
        let value = PbTargetUnion::Value(Vec::new());
        assert!(!holds(&mut store, compare("a", 3, result, value)));
    }
    store.put(&put("a", "")).unwrap();
    let value = PbTargetUnion::Value(Vec::new());
    assert!(holds(&mut store, compare("a", 3, 0, value)));
}

#[test]
fn duplicates_are_refused_in_branches_that_do_not_run_and_in_nested_ones() {
    let mut store = store();
    let refused = |store: &mut Store, txn: &PbTxnRequest| store.txn(txn).err();
    let duplicate = Some(Refusal::DuplicateKey);
    let puts = || vec![put_op("a", ""), put_op("a", "")];
    let untaken = PbTxnRequest {
        failure: puts(),
        ..Default::default()
    };
    assert_eq!(refused(&mut store, &untaken), duplicate);
    let across = then(vec![put_op("a", ""), nested(then(vec![put_op("a", "")]))]);
    assert_eq!(refused(&mut store, &across), duplicate);
    let in_range = then(vec![put_op("b", ""), delete_op("a", "c")]);
    assert_eq!(refused(&mut store, &in_range), duplicate);
    assert_eq!(store.revision(), 1);
    // Only one of two branches runs, and deletions may meet deletions.
    let either = PbTxnRequest {
        success: vec![put_op("a", "")],
        failure: vec![put_op("a", "")],
        ..Default::default()
    };
    let fine = then(vec![
        nested(either),
        delete_op("x", ""),
        delete_op("w", "z"),
    ]);
    assert_eq!(refused(&mut store, &fine), None);
}

#[test]
fn a_list_of_128_operations_is_the_most() {
    let mut store = store();
    let many = |n: usize| {
        let ops = (0..n).map(|i| put_op(&format!("k{i}"), "")).collect();
        then(ops)
    };
    assert!(store.txn(&many(128)).is_ok());
    assert_eq!(store.txn(&many(129)).err(), Some(Refusal::TooManyOps));
    let nesting = then(vec![nested(many(127))]);
    assert!(store.txn(&nesting).is_ok());
    let nesting = then(vec![nested(many(128))]);
    assert_eq!(store.txn(&nesting).err(), Some(Refusal::TooManyOps));
}

#[test]
fn a_refused_transaction_changes_nothing() {
    let mut store = store();
    let mut leased = put("b", "");
    leased.lease = 99;
    let txn = then(vec![
        put_op("a", ""),
        op(PbTxnOpRequest::RequestPut(leased)),
    ]);
    assert_eq!(store.txn(&txn).err(), Some(Refusal::LeaseNotFound));
    assert_eq!((store.revision(), get(&store, "a")), (1, None));
}

#[test]
fn a_put_without_a_lease_detaches_and_one_with_another_moves() {
    let mut store = store();
    store.grant(1, 10, NOW).unwrap();
    store.grant(2, 10, NOW).unwrap();
    let leased = |key, lease| PbPutRequest {
        lease,
        ..put(key, "")
    };
    for key in ["stays", "detached", "moved"] {
        store.put(&leased(key, 1)).unwrap();
    }
    store.put(&put("detached", "")).unwrap();
    store.put(&leased("moved", 2)).unwrap();
    assert_eq!(store.time_to_live(1, true, NOW).keys, [b"stays"]);
    store.revoke(1).unwrap();
    assert!(get(&store, "stays").is_none());
    assert!(get(&store, "detached").is_some() && get(&store, "moved").is_some());
    assert_eq!(
        store.put(&leased("x", 1)).err(),
        Some(Refusal::LeaseNotFound)
    );
}

#[test]
fn a_revoked_lease_takes_its_keys_sorted_in_one_revision() {
    let mut store = store();
    store.grant(1, 10, NOW).unwrap();
    for key in ["c", "a", "b"] {
        let request = PbPutRequest {
            lease: 1,
            ..put(key, "")
        };
        store.put(&request).unwrap();
    }
    store.expire(NOW + Duration::from_millis(9_999));
    assert_eq!(store.revision(), 4);
    store.expire(NOW + Duration::from_secs(10));
    let expected = ["a", "b", "c"].map(|key| (5, key.into(), 0));
    assert_eq!(log(&store, 5), expected);
    assert_eq!(store.time_to_live(1, true, NOW).ttl, -1);
}

#[test]
fn a_renewal_after_the_end_finds_no_lease_and_no_keys() {
    let mut store = store();
    store.grant(1, 10, NOW).unwrap();
    let request = PbPutRequest {
        lease: 1,
        ..put("a", "")
    };
    store.put(&request).unwrap();
    assert_eq!(store.renew(1, NOW + Duration::from_secs(10)), 0);
    assert!(get(&store, "a").is_none());
    assert_eq!(store.renew(7, NOW), 0);
}

#[test]
fn reads_at_old_revisions_hold_until_compaction() {
    let mut store = store();
    for value in ["1", "2", "3"] {
        store.put(&put("a", value)).unwrap();
    }
    store.delete_range(&delete("a", "")).unwrap();
    let at = |store: &Store, revision| {
        let request = PbRangeRequest {
            revision,
            ..range("a", "")
        };
        store
            .range(&request)
            .map(|mut reply| reply.kvs.pop().map(|kv| kv.value))
    };
    assert_eq!(at(&store, 3), Ok(Some(b"2".to_vec())));
    assert_eq!(at(&store, 6), Err(Refusal::FutureRevision));
    store.compact(3).unwrap();
    assert_eq!(at(&store, 2), Err(Refusal::Compacted));
    assert_eq!(at(&store, 3), Ok(Some(b"2".to_vec())));
    assert_eq!(at(&store, 5), Ok(None));
    assert_eq!(store.compact(3).err(), Some(Refusal::Compacted));
    assert_eq!(store.compact(6).err(), Some(Refusal::FutureRevision));
    store.compact(5).unwrap();
    assert_eq!(at(&store, 5), Ok(None));
}

#[test]
fn history_compacts_itself_and_keeps_what_lives() {
    let mut store = store();
    store.put(&put("old", "kept")).unwrap();
    for i in 0..5_000 {
        store.put(&put("busy", &i.to_string())).unwrap();
        assert!(log(&store, 0).len() <= 1_502);
    }
    assert!(store.space().compacted() > 3_000);
    assert_eq!(get(&store, "old").unwrap().value, b"kept");
    let big = "x".repeat(100_000);
    for _ in 0..100 {
        store.put(&put("big", &big)).unwrap();
    }
    assert!(store.space().size() < 3 << 20);
}

#[test]
fn a_journal_rebuilds_an_equal_store() {
    let mut original = store();
    original.grant(1, 10, NOW).unwrap();
    let leased = PbPutRequest {
        lease: 1,
        ..put("l", "")
    };
    original.put(&leased).unwrap();
    original.put(&put("a", "1")).unwrap();
    original
        .txn(&then(vec![delete_op("a", ""), put_op("b", "2")]))
        .unwrap();
    original.compact(3).unwrap();
    original.change_leader(NOW);
    let mut copy = store();
    for record in original.take_journal() {
        copy.replay(record, NOW);
    }
    let everything = range("\0", "\0");
    assert_eq!(copy.range(&everything), original.range(&everything));
    assert_eq!(log(&copy, 0), log(&original, 0));
    assert_eq!(
        copy.time_to_live(1, true, NOW),
        original.time_to_live(1, true, NOW)
    );
    copy.revoke(1).unwrap();
    assert!(get(&copy, "l").is_none());
}
