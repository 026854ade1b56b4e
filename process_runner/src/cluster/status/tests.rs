//! A status from a hand-made cluster: every slot is listed, every one that does not run says why.

use super::*;
use crate::coordination::{ConfigRecord, MemberRecord, Order, OwnedSlot, SlotRecord, StatusRecord};

fn member(incarnation: &str, capacity: Option<u32>) -> MemberRecord {
    MemberRecord {
        incarnation: incarnation.into(),
        lease: 1,
        host: "h".into(),
        pid: 1,
        state: "up".into(),
        capacity,
        weight: 1,
        zone: None,
        labels: BTreeMap::new(),
        classes: vec![],
        config: "c1".into(),
        loaded_at: 0,
        version: "0.1.0".into(),
        done: BTreeMap::new(),
        crashes: 0,
    }
}

fn cluster(workers: u32, max_per_node: Option<u32>, capacity: Option<u32>) -> ClusterSnapshot {
    let job = JobRecord {
        class: "Work".into(),
        workers,
        max_per_node,
        labels: BTreeMap::new(),
    };
    let mut cluster = ClusterSnapshot {
        revision: 9,
        ..ClusterSnapshot::default()
    };
    cluster.members.insert("a".into(), member("i1", capacity));
    cluster.configs.insert(
        "c1".into(),
        ConfigRecord {
            jobs: [("work".into(), job)].into(),
        },
    );
    cluster
}

fn own(cluster: &mut ClusterSnapshot, index: u32, owner: &str, incarnation: &str) {
    let record = SlotRecord {
        owner: owner.into(),
        incarnation: incarnation.into(),
        nonce: "0".into(),
        ordered: Order::default(),
        retiring: false,
    };
    cluster.slots.insert(
        Slot::new("work", index),
        OwnedSlot {
            record,
            mod_revision: 7,
        },
    );
}

fn report(cluster: &mut ClusterSnapshot, index: u32, state: &str, reason: Option<&str>) {
    let worker = WorkerRecord {
        job: "work".into(),
        index,
        fence: 7,
        state: state.into(),
        phase: None,
        reason: reason.map(str::to_owned),
        since_progress_ms: None,
        iterations: None,
        records: None,
        errors: None,
    };
    cluster
        .statuses
        .entry("a".into())
        .or_insert_with(|| StatusRecord {
            incarnation: "i1".into(),
            workers: vec![],
        })
        .workers
        .push(worker);
}

#[test]
fn a_slot_nobody_has_room_for_names_the_cap() {
    let mut cluster = cluster(3, Some(1), None);
    own(&mut cluster, 0, "a", "i1");
    report(&mut cluster, 0, "running", None);
    let status = status(&cluster);
    assert_eq!((status.desired, status.running), (3, 1));
    assert_eq!(status.slots[0].fence, Some(7));
    for slot in &status.slots[1..] {
        assert_eq!(slot.state, "unplaced");
        assert_eq!(
            slot.reason.as_deref(),
            Some("node `a` runs the job's max_per_node of 1")
        );
    }
}

#[test]
fn a_slot_of_a_node_that_is_gone_waits_for_its_lease() {
    let mut cluster = cluster(1, None, None);
    own(&mut cluster, 0, "b", "i9");
    let status = status(&cluster);
    assert_eq!(status.slots[0].state, "waiting");
    assert!(
        status.slots[0]
            .reason
            .as_deref()
            .unwrap()
            .contains("node `b` is gone")
    );
}

#[test]
fn a_status_of_an_earlier_incarnation_does_not_count() {
    let mut cluster = cluster(1, None, None);
    report(&mut cluster, 0, "running", None);
    cluster.members.insert("a".into(), member("i2", None));
    own(&mut cluster, 0, "a", "i2");
    let status = status(&cluster);
    assert_eq!(
        (status.running, status.slots[0].state.as_str()),
        (0, "starting")
    );
}

#[test]
fn every_slot_that_does_not_run_has_a_reason() {
    let mut cluster = cluster(4, None, Some(2));
    own(&mut cluster, 0, "a", "i1");
    own(&mut cluster, 1, "a", "i1");
    own(&mut cluster, 9, "a", "i1");
    report(
        &mut cluster,
        0,
        "backing_off",
        Some("lock_records: no database"),
    );
    let status = status(&cluster);
    assert_eq!(
        status.slots.len(),
        5,
        "a slot beyond the count is listed too"
    );
    for slot in &status.slots {
        assert!(slot.state == "running" || slot.reason.as_ref().is_some_and(|r| !r.is_empty()));
    }
}
