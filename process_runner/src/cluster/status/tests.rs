//! A status of a cluster made by hand: every slot is listed, every one that does not run says why.

use super::*;
use crate::coordination::scene::{Scene, indexes, job, member, worker};
use crate::coordination::{JobRecord, MemberRecord, OverrideRecord, PausedRecord, StatusRecord};
use crate::model::Slot;

const NOW: u64 = 1_000_000;

async fn look(scene: &Scene) -> Status {
    let cluster = scene.snapshot().await;
    let status = status(&Picture::new(&cluster, NOW));
    for slot in &status.slots {
        let said = slot
            .reason
            .as_ref()
            .is_some_and(|reason| !reason.is_empty());
        assert!(slot.state == "running" || said, "{slot:?}");
    }
    status
}

/// State and reason of a slot.
fn standing(status: &Status, index: usize) -> (&str, &str) {
    let slot = &status.slots[index];
    (&slot.state, slot.reason.as_deref().unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn a_slot_nobody_has_room_for_names_the_cap() {
    let mut scene = Scene::new().await;
    let capped = JobRecord {
        max_per_node: Some(1),
        ..job(3)
    };
    scene.config("c1", [("work", capped)]).await;
    scene.join("a", member("a")).await;
    scene.own("a", 0).await;
    scene
        .report("a", vec![worker("work", 0, "running", None)])
        .await;
    let status = look(&scene).await;
    assert_eq!((status.desired, status.running), (3, 1));
    assert!(status.slots[0].fence.is_some());
    let full = ("unplaced", "node `a` runs the job's max_per_node of 1");
    assert_eq!(standing(&status, 1), full);
    assert_eq!(standing(&status, 2), full);
}

#[tokio::test(start_paused = true)]
async fn every_obstacle_has_its_words() {
    let mut scene = Scene::new().await;
    let picky = JobRecord {
        labels: [("role".to_owned(), "gpu".to_owned())].into(),
        ..job(1)
    };
    scene
        .config("c1", [("picky", picky), ("work", job(3))])
        .await;
    scene.config("c2", [("work", job(3))]).await;
    let full = MemberRecord {
        capacity: Some(1),
        ..member("a")
    };
    let quiet = MemberRecord {
        state: "quiet".into(),
        ..member("b")
    };
    let idle = MemberRecord {
        weight: 0,
        ..member("c")
    };
    for (node, record) in [("a", full), ("b", quiet), ("c", idle)] {
        scene.join(node, record).await;
    }
    scene.own("a", 0).await;
    let status = look(&scene).await;
    let (state, reason) = standing(&status, 0);
    assert_eq!(state, "unplaced");
    assert!(
        reason.starts_with("node `a` lacks the label role=gpu; node `b` lacks"),
        "{reason}"
    );
    assert_eq!(
        standing(&status, 2),
        (
            "unplaced",
            "node `a` runs its max_workers of 1; node `b` is quiet; node `c` has the weight 0"
        )
    );
}

#[tokio::test(start_paused = true)]
async fn a_slot_on_its_way_says_what_it_waits_for() {
    let scene = Scene::with(2, &["a"]).await;
    let standing_of_0 = async || {
        let status = look(&scene).await;
        let (state, reason) = standing(&status, 0);
        assert_eq!(state, "waiting");
        reason.to_owned()
    };
    assert_eq!(standing_of_0().await, "there is no leader to plan it");
    scene.lead("a").await;
    assert_eq!(standing_of_0().await, "the leader has not planned it yet");
    scene.plan("a", indexes("work", 0..2)).await;
    assert_eq!(
        standing_of_0().await,
        "planned for node `a`; waiting for the leader's grant"
    );
    let status = look(&scene).await;
    assert_eq!(
        (status.leader.as_deref(), status.term),
        (Some("a"), Some(4))
    );
    assert_eq!(status.slots[0].planned.as_deref(), Some("a"));
    assert_eq!(status.nodes[0].planned, Some(2));

    scene.own("a", 0).await;
    let status = look(&scene).await;
    assert_eq!(
        standing(&status, 0),
        ("starting", "node `a` has not reported it yet")
    );
}

#[tokio::test(start_paused = true)]
async fn a_report_names_those_that_run_by_range_and_says_how_many_it_leaves_out() {
    let scene = Scene::with(3, &["a"]).await;
    scene.lead("a").await;
    for index in 0..3 {
        scene.own("a", index).await;
    }
    let fences: Vec<u64> = look(&scene)
        .await
        .slots
        .iter()
        .filter_map(|slot| slot.fence)
        .collect();
    let record = StatusRecord {
        running: indexes("work", 0..2),
        newest: fences[1],
        left_out: 7,
        ..StatusRecord::default()
    };
    // An earlier process of the node left them out.
    let earlier = StatusRecord {
        incarnation: "earlier".into(),
        ..record.clone()
    };
    scene.report_all("a", earlier).await;
    let status = look(&scene).await;
    let unsaid = ("starting", "node `a` has not reported it yet");
    assert_eq!([0, 2].map(|index| standing(&status, index)), [unsaid; 2]);
    scene.report_all("a", record).await;
    let status = look(&scene).await;
    assert_eq!(
        (status.running, status.slots[0].state.as_str()),
        (2, "running")
    );
    let (state, reason) = standing(&status, 2);
    assert_eq!(state, "waiting");
    assert!(reason.contains("leaves out 7"), "{reason}");
    // It was taken anew, and the report is of before that.
    scene.own("a", 0).await;
    let status = look(&scene).await;
    assert_eq!(standing(&status, 0).1, reason);
    assert_eq!(status.running, 1);
}

#[tokio::test(start_paused = true)]
async fn the_reason_of_a_pause_stays_on_its_line() {
    let scene = Scene::with(1, &["a"]).await;
    let paused = |reason: &str| OverrideRecord {
        paused: Some(PausedRecord {
            by: "ann@ops".into(),
            reason: Some(reason.into()),
            until_unix_ms: None,
        }),
        ..OverrideRecord::default()
    };
    for (reason, shown) in [
        ("a\nb\u{1b}[2J", "paused by ann@ops: a b\\u{1b}[2J"),
        (" ", "paused by ann@ops"),
    ] {
        scene.set("work", &paused(reason)).await;
        let status = look(&scene).await;
        let pause = status.jobs[0].paused.as_ref().unwrap();
        assert_eq!(pause.to_string(), shown);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slot_of_a_node_that_is_gone_waits_for_its_lease() {
    let mut scene = Scene::with(1, &["a", "b"]).await;
    scene.own("b", 0).await;
    scene.delete(scene.keys.member("b").as_bytes()).await;
    let status = look(&scene).await;
    assert_eq!(
        standing(&status, 0),
        (
            "waiting",
            "node `b` is gone; waiting until its lease runs out"
        )
    );
    let again = MemberRecord {
        incarnation: "another".into(),
        ..member("b")
    };
    scene.join("b", again).await;
    let status = look(&scene).await;
    assert!(
        standing(&status, 0)
            .1
            .contains("an earlier process of node `b`")
    );
}

#[tokio::test(start_paused = true)]
async fn a_report_counts_only_under_the_present_fence() {
    let scene = Scene::with(1, &["a"]).await;
    scene.own("a", 0).await;
    let fence = look(&scene).await.slots[0].fence.unwrap();
    let mut running = worker("work", 0, "running", None);
    running.fence = fence;
    scene.report("a", vec![running]).await;
    assert_eq!(look(&scene).await.running, 1);
    scene.own("a", 0).await;
    let status = look(&scene).await;
    assert_eq!(status.running, 0);
    assert_eq!(standing(&status, 0).0, "starting");
}

#[tokio::test(start_paused = true)]
async fn an_override_is_in_force_and_shown_as_such() {
    let scene = Scene::with(1, &["a"]).await;
    let set = OverrideRecord {
        workers: Some(3),
        by: "ann@ops".into(),
        ..OverrideRecord::default()
    };
    scene.set("work", &set).await;
    let status = look(&scene).await;
    let work = &status.jobs[0];
    assert_eq!((work.workers, work.configured), (3, Some(1)));
    assert_eq!(work.overridden_by.as_deref(), Some("ann@ops"));
    assert_eq!((status.desired, status.slots.len()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn slots_beyond_the_workers_are_retiring() {
    let scene = Scene::with(1, &["a"]).await;
    scene.own("a", 4).await;
    scene
        .report("a", vec![worker("work", 4, "running", None)])
        .await;
    let status = look(&scene).await;
    assert_eq!(status.running, 0);
    assert_eq!(
        standing(&status, 1),
        ("retiring", "`work` has 1 workers; node `a` gives it up")
    );
}

#[tokio::test(start_paused = true)]
async fn a_paused_job_says_who_why_and_until_when() {
    let scene = Scene::with(2, &["a"]).await;
    let mut set = OverrideRecord {
        paused: Some(PausedRecord {
            by: "ann@ops".into(),
            reason: Some("migration".into()),
            until_unix_ms: Some(NOW + 3_600_000),
        }),
        ..OverrideRecord::default()
    };
    scene.set("work", &set).await;
    scene.own("a", 1).await;
    scene
        .report(
            "a",
            vec![worker("work", 1, "draining", Some("asked to stop"))],
        )
        .await;
    let status = look(&scene).await;
    assert_eq!(status.desired, 0);
    let why = "paused by ann@ops for another 1h: migration";
    assert_eq!(standing(&status, 0), ("paused", why));
    assert_eq!(
        standing(&status, 1),
        ("draining", &*format!("{why}: asked to stop"))
    );

    set.paused.as_mut().unwrap().until_unix_ms = Some(NOW);
    scene.set("work", &set).await;
    let status = look(&scene).await;
    assert_eq!((status.desired, &status.jobs[0].paused), (2, &None));
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_moves_says_where_to() {
    let scene = Scene::with(1, &["a", "b"]).await;
    scene.own("a", 0).await;
    scene.plan("b", indexes("work", [0])).await;
    scene
        .report("a", vec![worker("work", 0, "draining", None)])
        .await;
    let status = look(&scene).await;
    assert_eq!(
        standing(&status, 0),
        ("draining", "node `a` hands it over to node `b`")
    );
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_is_done_until_idle_is_not_waited_for_in_silence() {
    let mut scene = Scene::with(1, &[]).await;
    let done = MemberRecord {
        done: indexes("work", [0]),
        ..member("a")
    };
    scene.join("a", done).await;
    let status = look(&scene).await;
    assert!(standing(&status, 0).1.contains("runs until idle"));
}

#[tokio::test(start_paused = true)]
async fn the_configuration_loaded_last_counts_and_the_others_are_drift() {
    let mut scene = Scene::with(2, &["a"]).await;
    scene
        .config("c2", [("work", job(5)), ("more", job(1))])
        .await;
    let newer = MemberRecord {
        config: "c2".into(),
        loaded_at: 9,
        ..member("b")
    };
    scene.join("b", newer).await;
    let status = look(&scene).await;
    assert_eq!(status.desired, 6);
    let drift: Vec<_> = status
        .drift
        .iter()
        .map(|drift| (&*drift.job, &*drift.nodes[0], &*drift.differs))
        .collect();
    assert_eq!(
        drift,
        [
            ("more", "a", "not declared"),
            ("work", "a", "workers 2 instead of 5")
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_job_that_only_an_override_names_is_shown() {
    let scene = Scene::new().await;
    let set = OverrideRecord {
        workers: Some(1),
        ..OverrideRecord::default()
    };
    scene.set("gone", &set).await;
    let status = look(&scene).await;
    assert_eq!(
        (&status.jobs[0].class, status.jobs[0].configured),
        (&None, None)
    );
    assert_eq!(
        standing(&status, 0),
        ("unplaced", "no living node declares the job")
    );
}

#[tokio::test(start_paused = true)]
async fn a_slot_whose_key_cannot_be_read_says_so_and_hides_nothing_else() {
    let scene = Scene::with(2, &["a"]).await;
    scene.own("a", 1).await;
    let report = worker("work", 1, "running", None);
    scene.report("a", vec![report]).await;
    let key = scene.keys.slot(&Slot::new("work", 0));
    scene.put(key.clone(), b"{rubbish".to_vec(), 0).await;
    let status = look(&scene).await;
    assert_eq!((status.desired, status.running), (2, 1));
    let reason =
        format!("its key `{key}` cannot be read; no node is given it until that is deleted");
    assert_eq!(standing(&status, 0), ("waiting", reason.as_str()));
    assert_eq!(status.unreadable.len(), 1);
    assert_eq!(status.unreadable[0].key, key);
}
