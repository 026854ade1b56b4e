//! Steering a cluster made by hand: what is written, what is answered, and that a refusal changes
//! nothing.

use std::time::Duration;

use super::*;
use crate::coordination::scene::{PREFIX, Scene, indexes, job, worker};
use crate::coordination::{NoteRecord, OverrideRecord, PausedRecord, Raised, raise_epoch};
use crate::embedded::LostReply;

async fn cluster(scene: &Scene) -> Cluster {
    let cluster = Cluster::on_embedded(&scene.server, PREFIX).await.unwrap();
    cluster.acting_as("ann@ops")
}

#[tokio::test(start_paused = true)]
async fn scale_answers_before_and_after_and_reset_returns_to_the_configuration() {
    let scene = Scene::with(3, &["a"]).await;
    let cluster = cluster(&scene).await;
    for (workers, before, after, overridden) in [
        (Workers::By(2), 3, 5, true),
        (Workers::By(-1), 5, 4, true),
        (Workers::To(8), 4, 8, true),
        (Workers::To(0), 8, 0, true),
        (Workers::Reset, 0, 3, false),
    ] {
        let scaled = cluster.scale("work", workers).await.unwrap();
        assert_eq!(
            (scaled.before, scaled.after),
            (before, after),
            "{workers:?}"
        );
        assert_eq!(
            (scaled.configured, scaled.overridden),
            (Some(3), overridden)
        );
        assert_eq!(cluster.scheduled_workers("work").await.unwrap(), after);
    }
    assert_eq!(scene.override_of("work").await, None);
}

#[tokio::test(start_paused = true)]
async fn ten_operators_who_add_one_add_ten() {
    let scene = Scene::with(3, &["a"]).await;
    let cluster = std::sync::Arc::new(cluster(&scene).await);
    let mut operators = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let cluster = std::sync::Arc::clone(&cluster);
        operators.spawn(async move { cluster.scale("work", Workers::By(1)).await.unwrap() });
    }
    operators.join_all().await;
    assert_eq!(cluster.scheduled_workers("work").await.unwrap(), 13);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_changes_nothing() {
    let scene = Scene::with(3, &["a"]).await;
    let cluster = cluster(&scene).await;
    let before = scene.snapshot().await.revision;
    let minute = Some(Duration::from_secs(60));
    let refused = [
        cluster.scale("wrok", Workers::By(1)).await.map(drop),
        cluster.scale("work", Workers::By(-4)).await.map(drop),
        cluster.scale("work", Workers::To(u32::MAX)).await.map(drop),
        cluster.pause("wrok", minute, None).await.map(drop),
        cluster.resume("wrok").await.map(drop),
        cluster.restart("wrok", None).await.map(drop),
        cluster.restart("work", Some(3)).await.map(drop),
        cluster.restart("work", Some(2)).await.map(drop),
        cluster.kick("work").await.map(drop),
        cluster.quiet("aa").await.map(drop),
        cluster.drain("aa").await.map(drop),
        cluster.explain("work", Some(3)).await.map(drop),
    ];
    let said = refused.map(|refused| refused.unwrap_err().to_string());
    assert_eq!(scene.snapshot().await.revision, before, "{said:#?}");
    assert_eq!(
        said[0],
        "there is no job `wrok`; did you mean `work`? (jobs: work)"
    );
    assert!(
        said[1].contains("has 3 workers and cannot have -1"),
        "{}",
        said[1]
    );
    assert!(said[6].contains("are 0 to 2"), "{}", said[6]);
    assert!(said[7].contains("no node holds `work@2`"), "{}", said[7]);
    assert_eq!(
        said[9],
        "there is no node `aa`; did you mean `a`? (nodes: a)"
    );
}

#[tokio::test(start_paused = true)]
async fn a_pause_says_who_and_why_and_keeps_the_workers_that_were_set() {
    let scene = Scene::with(3, &["a"]).await;
    let cluster = cluster(&scene).await;
    cluster.scale("work", Workers::To(5)).await.unwrap();
    let paused = cluster.pause("work", Some(Duration::from_secs(7200)), Some("migration"));
    let change = paused.await.unwrap();
    assert_eq!(change.before, None);
    let pause = change.after.unwrap();
    assert_eq!(
        (&*pause.by, pause.reason.as_deref()),
        ("ann@ops", Some("migration"))
    );
    assert!(pause.until_unix_ms.unwrap() > unix_ms() + 7_000_000);
    let status = cluster.status().await.unwrap();
    assert_eq!(status.jobs[0].paused.as_ref(), Some(&pause));

    let change = cluster.resume("work").await.unwrap();
    assert_eq!(
        (change.before, change.after, change.workers),
        (Some(pause), None, 5)
    );
    let left = scene.override_of("work").await.unwrap();
    assert_eq!((left.workers, left.paused), (Some(5), None));
    cluster.scale("work", Workers::Reset).await.unwrap();
    assert_eq!(scene.override_of("work").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_pause_whose_time_has_passed_is_none() {
    let scene = Scene::with(3, &["a"]).await;
    let set = OverrideRecord {
        paused: Some(PausedRecord {
            until_unix_ms: Some(1),
            ..PausedRecord::default()
        }),
        ..OverrideRecord::default()
    };
    scene.set("work", &set).await;
    let change = cluster(&scene).await.resume("work").await.unwrap();
    assert_eq!((change.before, change.after), (None, None));
    assert_eq!(scene.override_of("work").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_only_an_override_names_can_be_reset_away() {
    let scene = Scene::new().await;
    let set = OverrideRecord {
        workers: Some(2),
        paused: Some(PausedRecord::default()),
        ..OverrideRecord::default()
    };
    scene.set("gone", &set).await;
    let cluster = cluster(&scene).await;
    cluster.resume("gone").await.unwrap();
    let scaled = cluster.scale("gone", Workers::Reset).await.unwrap();
    assert_eq!(
        (scaled.before, scaled.after, scaled.configured),
        (2, 0, None)
    );
    let error = cluster.resume("gone").await.unwrap_err().to_string();
    assert_eq!(
        error,
        "there is no job `gone`; there are no jobs: no node is up"
    );
}

#[tokio::test(start_paused = true)]
async fn each_command_of_a_node_is_its_note_and_answers_before_and_after() {
    let scene = Scene::with(3, &["a"]).await;
    scene.own("a", 0).await;
    let cluster = cluster(&scene).await;
    let answer = |change: NodeChange| (change.before, change.after, change.slots);
    let (change, note) = tokio::join!(cluster.quiet("a"), scene.acknowledge("a"));
    assert_eq!(answer(change.unwrap()), ("up".into(), "quiet".into(), 1));
    assert_eq!(note, NoteRecord::Quiet);
    let (change, note) = tokio::join!(cluster.resume_node("a"), scene.acknowledge("a"));
    assert_eq!(
        (change.unwrap().after.as_str(), note),
        ("up", NoteRecord::Resume)
    );
    let (change, note) = tokio::join!(cluster.dump("a"), scene.acknowledge("a"));
    assert_eq!(
        (change.unwrap().after.as_str(), note),
        ("up", NoteRecord::Dump)
    );
    let (change, note) = tokio::join!(cluster.drain("a"), scene.acknowledge("a"));
    assert_eq!(
        (change.unwrap().after.as_str(), note),
        ("draining", NoteRecord::Drain)
    );
    let (change, note) = tokio::join!(cluster.stop("a"), scene.acknowledge("a"));
    assert_eq!(
        (change.unwrap().after.as_str(), note),
        ("draining", NoteRecord::Stop)
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_that_drains_cannot_be_called_back() {
    let mut scene = Scene::with(3, &[]).await;
    let mut draining = crate::coordination::scene::member("a");
    draining.state = "draining".into();
    scene.join("a", draining).await;
    let cluster = cluster(&scene).await;
    let before = scene.snapshot().await.revision;
    for refused in [cluster.quiet("a").await, cluster.resume_node("a").await] {
        assert!(matches!(refused, Err(ClusterError::Draining { .. })));
    }
    assert_eq!(scene.snapshot().await.revision, before);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_silent_and_one_that_goes_are_told_apart() {
    let mut scene = Scene::with(3, &["a"]).await;
    let cluster = std::sync::Arc::new(cluster(&scene).await);
    let silent = cluster.quiet("a").await;
    assert!(matches!(silent, Err(ClusterError::Unanswered { .. })));
    let asking = tokio::spawn({
        let cluster = std::sync::Arc::clone(&cluster);
        async move { cluster.quiet("a").await }
    });
    scene.note("a").await;
    scene.leave("a").await;
    assert!(matches!(
        asking.await.unwrap(),
        Err(ClusterError::Gone { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn a_restart_is_told_to_the_owners_of_the_slots_alone() {
    let scene = Scene::with(4, &["a", "b", "c"]).await;
    for (node, index) in [("a", 0), ("b", 1), ("a", 2)] {
        scene.own(node, index).await;
    }
    scene
        .report(
            "a",
            vec![worker("work", 0, "backing_off", Some("no database"))],
        )
        .await;
    let cluster = cluster(&scene).await;
    let (told, at_a, at_b) = tokio::join!(
        cluster.restart("work", None),
        scene.acknowledge("a"),
        scene.acknowledge("b")
    );
    let told = told.unwrap();
    assert_eq!(told.missed, []);
    let nodes: Vec<_> = told.obeyed.iter().map(|it| &*it.node).collect();
    assert_eq!(nodes, ["a", "b"]);
    assert_eq!(told.obeyed[0].workers[0].before, "backing_off");
    assert_eq!(
        at_a,
        NoteRecord::Restart {
            slots: indexes("work", [0, 2])
        }
    );
    assert_eq!(
        at_b,
        NoteRecord::Restart {
            slots: indexes("work", [1])
        }
    );

    let (told, at_b) = tokio::join!(cluster.restart("work", Some(1)), scene.acknowledge("b"));
    let told = told.unwrap();
    assert_eq!((told.obeyed.len(), told.missed.len()), (1, 0));
    assert_eq!(
        at_b,
        NoteRecord::Restart {
            slots: indexes("work", [1])
        }
    );
}

#[tokio::test(start_paused = true)]
async fn a_kick_that_one_owner_misses_says_so() {
    let scene = Scene::with(2, &["a", "b"]).await;
    scene.own("a", 0).await;
    scene.own("b", 1).await;
    let cluster = cluster(&scene).await;
    let (told, note) = tokio::join!(cluster.kick("work"), scene.acknowledge("b"));
    assert_eq!(note, NoteRecord::Kick { job: "work".into() });
    let told = told.unwrap();
    assert_eq!((&*told.obeyed[0].node, &*told.missed[0].node), ("b", "a"));
    assert!(told.missed[0].reason.contains("did not answer"), "{told:?}");
    assert_eq!(scene.notes().await, 0);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_drained_node_counts_its_slots_down() {
    let mut scene = Scene::with(2, &["a", "b"]).await;
    scene.own("a", 0).await;
    scene.own("a", 1).await;
    let cluster = std::sync::Arc::new(cluster(&scene).await);
    let (change, _) = tokio::join!(cluster.drain("a"), scene.acknowledge("a"));
    let change = change.unwrap();
    let (sender, mut left) = tokio::sync::mpsc::unbounded_channel();
    let waiting = tokio::spawn({
        let cluster = std::sync::Arc::clone(&cluster);
        async move {
            cluster
                .until_left(&change, |count| sender.send(count).unwrap())
                .await;
        }
    });
    assert_eq!(left.recv().await, Some(2));
    scene.own("b", 1).await;
    assert_eq!(left.recv().await, Some(1));
    scene.leave("a").await;
    waiting.await.unwrap();
    // A new process under the name is not the one that drained.
    scene
        .join("a", crate::coordination::scene::member("a"))
        .await;
}

#[tokio::test(start_paused = true)]
async fn explain_says_who_may_run_a_job_and_who_holds_a_slot() {
    let mut scene = Scene::with(3, &["a"]).await;
    scene.config("c2", [("other", job(1))]).await;
    let mut other = crate::coordination::scene::member("b");
    other.config = "c2".into();
    scene.join("b", other).await;
    scene.own("a", 0).await;
    scene
        .report("a", vec![worker("work", 0, "running", None)])
        .await;
    scene.plan("a", indexes("work", [0, 1])).await;
    let cluster = cluster(&scene).await;
    let explained = cluster.explain("work", Some(0)).await.unwrap();
    let [a, b] = &explained.job.nodes[..] else {
        panic!("{explained:?}")
    };
    assert!(a.eligible && a.takes && a.workers == 1, "{a:?}");
    assert_eq!(b.reason.as_deref(), Some("does not declare the job"));
    let slot = explained.slot.unwrap();
    assert_eq!(slot.status.node.as_deref(), Some("a"));
    assert_eq!(slot.plan, Some((1, 2)));
    assert_eq!(slot.ledger.unwrap().state, "held");
    let states: Vec<_> = explained
        .job
        .not_running
        .iter()
        .map(|it| &*it.state)
        .collect();
    assert_eq!(states, ["waiting", "waiting"]);
    assert_eq!(cluster.running_workers("work").await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_store_does_not_answer_is_no_change() {
    let scene = Scene::with(3, &["a"]).await;
    let cluster = cluster(&scene).await;
    scene.server.faults().refuse(true);
    let error = cluster.scale("work", Workers::By(1)).await.unwrap_err();
    assert!(
        matches!(
            error,
            ClusterError::Coordination(CoordinationError::Unreachable { .. })
        ),
        "{error}"
    );
    scene.server.faults().refuse(false);
    assert_eq!(scene.override_of("work").await, None);
}

#[tokio::test(start_paused = true)]
async fn the_epoch_rises_only_while_no_node_runs_and_never_falls() {
    let mut scene = Scene::with(1, &["a", "b"]).await;
    let cluster = cluster(&scene).await;
    let refused = cluster.raise_epoch(None).await.unwrap_err().to_string();
    assert!(refused.starts_with("nodes run (a, b)"), "{refused}");
    scene.leave("a").await;
    assert!(cluster.raise_epoch(None).await.is_err());
    scene.leave("b").await;

    // Nobody has used this store yet: that it is new is why the epoch is raised.
    for (to, before, after) in [(None, 0, 1), (Some(7), 1, 7), (None, 7, 8)] {
        let change = cluster.raise_epoch(to).await.unwrap();
        assert_eq!((change.before, change.after), (before, after));
        assert_eq!(scene.snapshot().await.epoch, after);
    }
    let refused = cluster.raise_epoch(Some(8)).await.unwrap_err().to_string();
    assert!(refused.contains("the epoch is 8"), "{refused}");
    cluster.raise_epoch(Some(u16::MAX)).await.unwrap();
    assert!(cluster.raise_epoch(None).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn an_epoch_whose_answer_was_lost_is_raised_once() {
    let scene = Scene::new().await;
    let (etcd, link) = scene.faulty().await;
    link.lose_next_reply(LostReply::Silence);
    let raised = raise_epoch(&etcd, &scene.keys, None, None).await.unwrap();
    assert_eq!(
        raised,
        Raised::Done {
            before: 0,
            after: 1
        }
    );
    assert_eq!(scene.snapshot().await.epoch, 1);
}
