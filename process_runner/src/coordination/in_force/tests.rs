//! Which declaration counts, and what an override does to it.

use super::*;

fn member(config: &str, loaded_at: i64) -> MemberRecord {
    let fields = serde_json::json!({
        "incarnation": "i", "lease": 1, "host": "h", "pid": 1, "state": "up",
        "capacity": null, "config": config, "loaded_at": loaded_at,
    });
    serde_json::from_value(fields).unwrap()
}

fn config(workers: u32) -> ConfigRecord {
    let job = serde_json::json!({"jobs": {"j": {"class": "C", "workers": workers}}});
    serde_json::from_value(job).unwrap()
}

fn set(job: &str, record: serde_json::Value) -> BTreeMap<Arc<str>, OverrideRecord> {
    [(job.into(), serde_json::from_value(record).unwrap())].into()
}

fn workers(
    members: &[MemberRecord],
    overrides: &BTreeMap<Arc<str>, OverrideRecord>,
    unix_ms: u64,
) -> (u32, u32, Option<u64>) {
    let configs: BTreeMap<&str, _> = [("old", config(4)), ("new", config(8))].into();
    let found = in_force(members.iter(), |hash| configs.get(hash), overrides, unix_ms);
    let job = &found.jobs["j"];
    (job.workers, job.seats(), found.resumes_at)
}

/// Interleaving 6.
#[test]
fn flapping_config_the_order_in_which_nodes_return_changes_nothing() {
    let (old, new) = (member("old", 10), member("new", 20));
    let none = BTreeMap::new();
    let crashing_on_the_old = [new.clone(), old.clone(), old.clone(), old.clone()];
    for members in [
        [old.clone(), new.clone()].as_slice(),
        &[new.clone(), old.clone()],
        &crashing_on_the_old,
    ] {
        assert_eq!(workers(members, &none, 0), (8, 8, None));
    }
    assert_eq!(
        workers(&[old], &none, 0),
        (4, 4, None),
        "what no living node declares is gone"
    );
    assert_eq!(
        workers(&[member("old", 30), member("old", 5), new], &none, 0),
        (4, 4, None),
        "a reload of the old content is a newer wish"
    );
}

#[test]
fn an_override_wins_until_it_is_taken_away() {
    let members = [member("new", 20)];
    let scaled = set("j", serde_json::json!({"workers": 2}));
    assert_eq!(workers(&members, &scaled, 0), (2, 2, None));
    let elsewhere = set("other", serde_json::json!({"workers": 2}));
    assert_eq!(workers(&members, &elsewhere, 0), (8, 8, None));
}

#[test]
fn a_pause_takes_the_seats_until_its_time_is_over() {
    let members = [member("new", 20)];
    let paused = set("j", serde_json::json!({"paused": {}}));
    assert_eq!(workers(&members, &paused, u64::MAX - 1), (8, 0, None));
    let until = set("j", serde_json::json!({"paused": {"until_unix_ms": 500}}));
    assert_eq!(workers(&members, &until, 499), (8, 0, Some(500)));
    assert_eq!(workers(&members, &until, 500), (8, 8, None));
}
