//! Notes on an embedded etcd: every way in which one can end.

use super::*;
use crate::coordination::scene::{Scene, member};
use crate::embedded::LostReply;

const PATIENCE: Duration = Duration::from_secs(5);

async fn send(scene: &Scene, note: NoteRecord) -> Result<Delivery, CoordinationError> {
    let to = scene.recipient("a").await;
    deliver(&scene.etcd, &scene.keys, &to, &note, PATIENCE).await
}

#[tokio::test(start_paused = true)]
async fn a_note_that_is_obeyed_is_acknowledged() {
    let scene = Scene::with(1, &["a"]).await;
    let (sent, obeyed) = tokio::join!(send(&scene, NoteRecord::Quiet), scene.acknowledge("a"));
    assert_eq!(sent.unwrap(), Delivery::Acknowledged);
    assert_eq!(obeyed, NoteRecord::Quiet);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_obeys_and_is_gone_before_anybody_looks_has_acknowledged() {
    let mut scene = Scene::with(1, &["a"]).await;
    let to = scene.recipient("a").await;
    let (etcd, link) = scene.faulty().await;
    let keys = scene.keys.clone();
    let sent =
        tokio::spawn(async move { deliver(&etcd, &keys, &to, &NoteRecord::Stop, PATIENCE).await });
    let (key, _) = scene.note("a").await;
    link.freeze();
    scene.delete(&key).await;
    scene.leave("a").await;
    link.thaw();
    assert_eq!(sent.await.unwrap().unwrap(), Delivery::Acknowledged);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_vanishes_with_the_note_has_not() {
    let mut scene = Scene::with(1, &["a"]).await;
    let to = scene.recipient("a").await;
    let (etcd, keys) = (scene.etcd.clone(), scene.keys.clone());
    let sent =
        tokio::spawn(async move { deliver(&etcd, &keys, &to, &NoteRecord::Quiet, PATIENCE).await });
    scene.note("a").await;
    scene.leave("a").await;
    assert_eq!(sent.await.unwrap().unwrap(), Delivery::Gone);
}

#[tokio::test(start_paused = true)]
async fn a_note_for_an_earlier_incarnation_reaches_nobody() {
    let mut scene = Scene::with(1, &["a"]).await;
    let to = scene.recipient("a").await;
    scene.leave("a").await;
    scene.join("a", member("a")).await;
    let sent = deliver(&scene.etcd, &scene.keys, &to, &NoteRecord::Stop, PATIENCE).await;
    assert_eq!(sent.unwrap(), Delivery::Gone);
    assert_eq!(scene.notes().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_note_for_a_member_key_that_is_not_the_one_seen_reaches_nobody() {
    let scene = Scene::with(1, &["a"]).await;
    let to = scene.recipient("a").await;
    // The lease lives on: it alone does not tell.
    scene.delete(scene.keys.member("a").as_bytes()).await;
    scene
        .put(scene.keys.member("a"), encode(&member("a")), to.lease)
        .await;
    let sent = deliver(&scene.etcd, &scene.keys, &to, &NoteRecord::Stop, PATIENCE).await;
    assert_eq!(sent.unwrap(), Delivery::Gone);
    assert_eq!(scene.notes().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_note_that_nobody_answers_is_taken_back() {
    let scene = Scene::with(1, &["a"]).await;
    let began = tokio::time::Instant::now();
    assert_eq!(
        send(&scene, NoteRecord::Dump).await.unwrap(),
        Delivery::Unanswered
    );
    assert!(began.elapsed() >= PATIENCE);
    assert_eq!(scene.notes().await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_not_missed_when_the_watch_is_cut() {
    let scene = Scene::with(1, &["a"]).await;
    let (etcd, link) = scene.faulty().await;
    let to = scene.recipient("a").await;
    let keys = scene.keys.clone();
    let sent =
        tokio::spawn(async move { deliver(&etcd, &keys, &to, &NoteRecord::Quiet, PATIENCE).await });
    let (key, _) = scene.note("a").await;
    // Paused time passes only when everybody waits: now the watch is open.
    tokio::time::sleep(Duration::from_millis(1)).await;
    let began = tokio::time::Instant::now();
    link.cut_streams();
    link.freeze();
    scene.delete(&key).await;
    link.thaw();
    assert_eq!(sent.await.unwrap().unwrap(), Delivery::Acknowledged);
    assert!(
        began.elapsed() < PATIENCE / 2,
        "only the end of patience found it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_unclear_and_the_note_is_there_once() {
    let scene = Scene::with(1, &["a"]).await;
    let (etcd, link) = scene.faulty().await;
    let to = scene.recipient("a").await;
    link.lose_next_reply(LostReply::Error);
    let sent = deliver(&etcd, &scene.keys, &to, &NoteRecord::Stop, PATIENCE).await;
    assert!(matches!(sent, Err(CoordinationError::Unclear { .. })));
    assert_eq!(scene.notes().await, 1);
}
