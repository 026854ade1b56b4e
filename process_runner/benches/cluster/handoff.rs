//! How long nobody runs a slot that moves: from the end of `unlock_records` on one node to the
//! start of `lock_records` on the other, compared with a put of the same size on the same etcd.

use std::error::Error;
use std::time::Instant;

use serde_json::json;

use crate::fleet::{Fleet, Running};
use crate::{Measured, ms, note, quantile};

/// Hand-overs of each size of etcd. Each waits half a second: so many changes in a row are a storm,
/// and the leader gathers what a storm brings.
const MOVES: usize = 150;

pub(crate) async fn measure() -> Measured {
    let mut one = on(1).await?;
    let three = on(3).await?;
    for (key, value) in three.as_object().into_iter().flatten() {
        one[format!("three_members_{key}")] = value.clone();
    }
    one["v"] = json!(1);
    one["bench"] = json!("handoff");
    Ok(one)
}

async fn on(members: usize) -> Measured {
    let fleet = Fleet::new(members, 1)?;
    let nodes = [fleet.start(0)?, fleet.start(1)?];
    fleet.all_run().await?;
    let mut client = fleet.client().await?;
    let (mut gaps, mut puts) = (Vec::new(), Vec::new());
    for _ in 0..MOVES {
        gaps.push(hand_over(&fleet, &nodes).await?);
        for _ in 0..2 {
            let began = Instant::now();
            client.put("/bench-put/x", vec![b'x'; 150], None).await?;
            puts.push(ms(began.elapsed()));
        }
    }
    let gap = quantile(&mut gaps, 0.5);
    let put = quantile(&mut puts, 0.5);
    note(&format!("{members} members: gap {gap} ms, put {put} ms"));
    Ok(json!({
        "gap_p50_ms": gap,
        "gap_p99_ms": quantile(&mut gaps, 0.99),
        "etcd_put_p50_ms": put,
        "etcd_put_p99_ms": quantile(&mut puts, 0.99),
        "ratio_p50": (gap / put * 1000.0).round() / 1000.0,
    }))
}

/// Makes the node that has the slot quiet, and waits until the other one runs it.
async fn hand_over(fleet: &Fleet, nodes: &[Running; 2]) -> Result<f64, Box<dyn Error>> {
    let (_, holder) = fleet.marks.last_begin().ok_or("nothing runs")?;
    let begun = fleet.marks.begun();
    let holder = nodes
        .iter()
        .find(|node| node.name == holder)
        .ok_or("an unknown node runs it")?;
    holder.handle.quiet();
    fleet.marks.until(|marks| marks.begun() > begun).await;
    holder.handle.resume();
    let (began, _) = fleet.marks.last_begin().ok_or("nothing runs")?;
    let ended = fleet.marks.last_end().ok_or("nothing ended")?;
    Ok(ms(began.duration_since(ended)))
}
