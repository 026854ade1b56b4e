//! Many nodes and many slots: how a cluster starts, grows by one node, and rests.

use std::error::Error;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::fleet::{Fleet, Running};
use crate::{Measured, ms, note};

/// A cluster that starts at once is at rest when nothing moved for so long.
const AT_REST: Duration = Duration::from_secs(5);
/// How long a cluster at rest is watched.
const WATCHED: Duration = Duration::from_secs(10);

fn size() -> (u32, u32) {
    let read = |name: &str, default| {
        let set = std::env::var(name).ok().and_then(|text| text.parse().ok());
        set.unwrap_or(default)
    };
    (
        read("PR_BENCH_NODES", 1000),
        read("PR_BENCH_SLOTS", 100_000),
    )
}

/// Starts every node at once, on an etcd with so many members, and waits until every worker runs.
async fn started(members: usize) -> Result<(Fleet, Vec<Running>, Duration), Box<dyn Error>> {
    let (nodes, slots) = size();
    let fleet = Fleet::new(members, slots)?;
    let (running, began) = fleet.start_all(nodes)?;
    fleet.all_run().await?;
    let took = began.elapsed();
    note(&format!(
        "{members} members, {nodes} nodes, {slots} slots: all run after {took:.2?}"
    ));
    Ok((fleet, running, took))
}

/// Waits until nothing has moved for [`AT_REST`].
async fn settled(fleet: &Fleet) {
    loop {
        let begun = fleet.marks.begun();
        tokio::time::sleep(AT_REST).await;
        if fleet.marks.begun() == begun {
            return;
        }
    }
}

pub(crate) async fn cold_start() -> Measured {
    let (nodes, slots) = size();
    let (one, one_twice) = cold(1).await?;
    let (three, three_twice) = cold(3).await?;
    Ok(json!({
        "v": 1, "bench": "cold_start", "nodes": nodes, "slots": slots,
        "ms": one, "started_twice": one_twice,
        "three_members_ms": three, "three_members_started_twice": three_twice,
    }))
}

/// How long until every worker runs, and how many were started once more.
async fn cold(members: usize) -> Result<(f64, u64), Box<dyn Error>> {
    let (fleet, _running, took) = started(members).await?;
    settled(&fleet).await;
    let (_, slots) = size();
    Ok((ms(took), fleet.marks.begun() - u64::from(slots)))
}

pub(crate) async fn join() -> Measured {
    let (nodes, slots) = size();
    let (fleet, _running, _) = started(1).await?;
    settled(&fleet).await;
    let share = u64::from(slots / (nodes + 1));
    let (begun, events) = (fleet.marks.begun(), events(&fleet)?);
    let began = Instant::now();
    let newcomer = fleet.start(nodes)?;
    fleet
        .marks
        .until(|marks| marks.begun() >= begun + share)
        .await;
    let took = began.elapsed();
    settled(&fleet).await;
    note(&format!(
        "{} took its share after {took:.2?}",
        newcomer.name
    ));
    Ok(json!({
        "v": 1, "bench": "join", "nodes": nodes, "slots": slots,
        "moved": fleet.marks.begun() - begun, "lower_bound": share, "ms": ms(took),
        "events": self::events(&fleet)? - events,
    }))
}

pub(crate) async fn idle() -> Measured {
    let (nodes, _) = size();
    let (fleet, running, _) = started(1).await?;
    settled(&fleet).await;
    let mut client = fleet.client().await?;
    let requests = || {
        running
            .iter()
            .map(|node| node.requests.count())
            .sum::<u64>()
    };
    let before = (revision(&mut client).await?, requests());
    tokio::time::sleep(WATCHED).await;
    let after = (revision(&mut client).await?, requests());
    let seconds = WATCHED.as_secs_f64();
    Ok(json!({
        "v": 1, "bench": "idle", "nodes": nodes,
        "revisions_per_s": (after.0 - before.0) as f64 / seconds,
        "requests_per_s": (after.1 - before.1) as f64 / seconds,
    }))
}

/// Events that etcd has sent to watchers.
fn events(fleet: &Fleet) -> Result<u64, Box<dyn Error>> {
    Ok(fleet.etcd.metric("etcd_debugging_mvcc_events_total")? as u64)
}

async fn revision(client: &mut etcd_client::Client) -> Result<i64, Box<dyn Error>> {
    let answer = client.get("/", None).await?;
    Ok(answer
        .header()
        .map_or(0, etcd_client::ResponseHeader::revision))
}
