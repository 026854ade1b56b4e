//! What a renewal says of held slots: nothing while they are as they were, and the truth otherwise.

use super::*;
use crate::coordination::scene::{Scene, member};
use crate::coordination::session::positive_random;

const HELD: u32 = 250;

/// A node that holds [`HELD`] slots, what it looks at, and the revisions it knows them by.
async fn holder() -> (Scene, Look) {
    let mut scene = Scene::with(HELD, &["a"]).await;
    scene.join("b", member("b")).await;
    let look = Look {
        keys: scene.keys.clone(),
        node: "a".into(),
        lease: scene.lease("a"),
        slots: Watched::default(),
    };
    for index in 0..HELD {
        scene.own("a", index).await;
        let slot = Slot::new("work", index);
        look.slots.set(&slot, Some(revision(&scene, &slot).await));
    }
    // They did not just come.
    look.slots.asked();
    (scene, look)
}

#[test]
fn a_slot_is_asked_for_from_the_second_renewal_after_it_came_on() {
    let (old, new) = (Slot::new("work", 1), Slot::new("work", 2));
    let watched = Watched::default();
    watched.set(&old, Some(5));
    assert_eq!(watched.asked(), []);
    watched.set(&old, Some(5));
    watched.set(&new, Some(6));
    assert_eq!(watched.asked(), [(old.clone(), 5)]);
    watched.set(&old, Some(7));
    assert_eq!(watched.asked(), [(new.clone(), 6)]);
    watched.set(&new, None);
    assert_eq!(watched.asked(), [(old, 7)]);
}

async fn revision(scene: &Scene, slot: &Slot) -> i64 {
    let got = scene.etcd.get(&scene.keys.slot(slot), 0).await.unwrap();
    got.kvs()[0].mod_revision()
}

async fn changed(scene: &Scene, look: &Look) -> Vec<(Slot, i64, Option<i64>)> {
    look.changed(&scene.etcd, look.slots.asked()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn slots_that_are_as_they_were_are_one_question_and_no_news() {
    let (scene, look) = holder().await;
    let before = scene.requests.count();
    assert_eq!(changed(&scene, &look).await, []);
    assert_eq!(scene.requests.count() - before, 1);
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_was_deleted_or_taken_by_another_is_told_with_what_is_there_now() {
    let (scene, look) = holder().await;
    let (gone, taken) = (Slot::new("work", 7), Slot::new("work", 211));
    let asked = [
        revision(&scene, &gone).await,
        revision(&scene, &taken).await,
    ];
    scene.delete(scene.keys.slot(&gone).as_bytes()).await;
    scene.own("b", taken.index).await;
    let now = revision(&scene, &taken).await;
    assert_eq!(
        changed(&scene, &look).await,
        [(gone, asked[0], None), (taken, asked[1], Some(now))]
    );
}

/// As if etcd's leader knew of no lease: a leader of yesterday, from before the node came.
#[tokio::test(start_paused = true)]
async fn a_slot_is_not_given_up_because_a_leader_of_yesterday_lacks_it() {
    let (scene, mut look) = holder().await;
    look.lease = positive_random();
    assert_eq!(changed(&scene, &look).await, []);
}
