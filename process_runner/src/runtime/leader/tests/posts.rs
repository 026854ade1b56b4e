//! Who leads: from the first node of a cluster to the death of everybody who knew.

use std::time::Duration;

use tokio::time::Instant;

use super::cluster::Cluster;
use super::nodes::{Node, Spec};
use crate::coordination::LeaderRecord;
use crate::model::planner::{Plan, Scope};
use crate::model::view::ClusterView;

#[tokio::test(start_paused = true)]
async fn a_node_alone_holds_its_slots_within_thirty_milliseconds() {
    let cluster = Cluster::new().await;
    let began = Instant::now();
    let _node = cluster.node("a", &[("j", 4)]).await;
    let state = cluster.until("all slots are held", |s| s.is_even(4)).await;
    let took = began.elapsed();
    assert!(took <= Duration::from_millis(30), "took {took:?}");
    assert_eq!(state.leader.as_deref(), Some("a"));
}

#[tokio::test(start_paused = true)]
async fn a_standby_takes_over_at_once_and_the_orphans_with_it() {
    let cluster = Cluster::new().await;
    let mut nodes = cluster.nodes(3, &[("j", 9)]).await;
    let state = cluster
        .until("there is a standby", |s| {
            s.standby.is_some() && s.is_even(9)
        })
        .await;
    let at = |name: &Option<String>| {
        let name = name.as_deref();
        nodes
            .iter()
            .position(|node| Some(node.name()) == name)
            .unwrap()
    };
    let (leader, standby) = (at(&state.leader), state.standby.clone());
    let began = Instant::now();
    nodes.swap_remove(leader).crash().await;
    let state = cluster
        .until("the orphans are held", |s| s.is_even(9))
        .await;
    assert!(
        began.elapsed() < Duration::from_millis(60),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(state.leader, standby);
}

/// Interleaving 3, first variant.
#[tokio::test(start_paused = true)]
async fn leaderless_for_ever_leader_and_standby_die_together() {
    let cluster = Cluster::new().await;
    let mut nodes = cluster.nodes(4, &[("j", 8)]).await;
    let state = cluster
        .until("there is a standby", |s| {
            s.standby.is_some() && s.is_even(8)
        })
        .await;
    let posts = [state.leader, state.standby].map(Option::unwrap);
    let (dying, _living): (Vec<_>, Vec<_>) = nodes
        .drain(..)
        .partition(|node| posts.iter().any(|name| name == node.name()));
    for node in dying {
        node.crash().await;
    }
    let state = cluster
        .until("others hold the posts", |s| {
            s.standby.is_some() && s.is_even(8)
        })
        .await;
    assert_ne!(state.leader.as_ref(), Some(&posts[0]));
}

/// Interleaving 3, second variant: the key appears although the node did not campaign, as far as it
/// knows.
#[tokio::test(start_paused = true)]
async fn leaderless_for_ever_a_campaign_that_commits_late_is_served() {
    let cluster = Cluster::new().await;
    let mut nodes = cluster.nodes(3, &[("j", 6)]).await;
    let state = cluster
        .until("there is a standby", |s| {
            s.standby.is_some() && s.is_even(6)
        })
        .await;
    let posts = [state.leader, state.standby].map(Option::unwrap);
    let third = nodes
        .iter()
        .position(|node| posts.iter().all(|name| name != node.name()));
    let third = nodes.swap_remove(third.unwrap());
    for node in nodes {
        node.crash().await;
    }
    let record = LeaderRecord {
        node: third.name().to_owned(),
        incarnation: third.session.incarnation.to_string(),
    };
    let key = cluster.keys.leader();
    let term = cluster.etcd.put(key, &record, third.session.lease).await;
    let state = cluster.until("it plans", |s| s.is_even(6)).await;
    let mut terms = state
        .cluster
        .slots
        .values()
        .map(|slot| slot.record.ordered.term);
    assert!(terms.any(|granted_in| granted_in == term), "{state}");
}

#[tokio::test(start_paused = true)]
async fn a_campaign_whose_answer_is_lost_is_won_all_the_same() {
    let cluster = Cluster::new().await;
    let mut node = Node::start(&cluster, Spec::new("a", &[("j", 2)]).follows()).await;
    node.link()
        .lose_next_reply(crate::embedded::LostReply::Silence);
    let clock = crate::clock::Clock::tokio();
    node.leading = Some(super::super::Leading::start(node.session.clone(), clock));
    let began = Instant::now();
    cluster.until("it plans", |s| s.is_even(2)).await;
    assert!(
        began.elapsed() < Duration::from_millis(100),
        "the watch told it"
    );
}

/// Interleaving 3, third variant.
#[tokio::test(start_paused = true)]
async fn leaderless_for_ever_a_leader_whose_planner_panics_resigns() {
    fn panics(_: &ClusterView, _: Scope) -> Plan {
        panic!("planted");
    }
    let cluster = Cluster::new().await;
    let mut spec = Spec::new("a", &[("j", 4)]);
    spec.planner = panics;
    let _poor = Node::start(&cluster, spec).await;
    cluster
        .until("it leads", |s| s.leader.as_deref() == Some("a"))
        .await;
    let _good = cluster.node("b", &[("j", 4)]).await;
    let state = cluster.until("somebody plans", |s| s.is_even(4)).await;
    assert_eq!(state.leader.as_deref(), Some("b"));
    // It stands by later, and that is all it does.
    let state = cluster
        .until("it stands by", |s| s.standby.as_deref() == Some("a"))
        .await;
    assert_eq!(state.leader.as_deref(), Some("b"));
}

#[tokio::test(start_paused = true)]
async fn a_draining_leader_resigns_first_and_takes_no_post_again() {
    let cluster = Cluster::new().await;
    let mut a = cluster.node("a", &[("j", 4)]).await;
    let _b = cluster.node("b", &[("j", 4)]).await;
    cluster
        .until("b stands by", |s| s.standby.as_deref() == Some("b"))
        .await;
    a.change(|member| member.state = "draining".to_owned())
        .await;
    a.leading.as_mut().unwrap().resign();
    let state = cluster
        .until("b plans", |s| {
            s.holds("b") == 4 && s.leader.as_deref() == Some("b")
        })
        .await;
    assert_eq!(state.standby, None);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(cluster.state().await.standby, None);
}

#[tokio::test(start_paused = true)]
async fn at_rest_nothing_is_written() {
    let cluster = Cluster::new().await;
    let _nodes = cluster.nodes(3, &[("j", 7)]).await;
    cluster
        .until("it rests", |s| s.standby.is_some() && s.is_even(7))
        .await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = cluster.revision().await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(cluster.revision().await, before);
}
