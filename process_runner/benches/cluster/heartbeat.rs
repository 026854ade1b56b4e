//! What it costs a node at rest to keep its lease: how long the barrier takes that proves a renewal,
//! and how much a node asks of etcd.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::fleet::Fleet;
use crate::{Measured, quantile};

const NODES: u32 = 10;
const SLOTS: u32 = 1000;
/// Until everything stands where it belongs.
const AT_REST: Duration = Duration::from_secs(5);
/// A hundred renewals.
const WATCHED: Duration = Duration::from_secs(20);

/// The renewals, as the nodes tell of them.
#[derive(Clone, Default)]
struct Barriers(Arc<Mutex<Vec<f64>>>);

impl<S: Subscriber> Layer<S> for Barriers {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut self.clone());
    }
}

impl Visit for Barriers {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "barrier_us" {
            let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            seen.push(value as f64 / 1000.0);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

impl Barriers {
    fn take(&self) -> Vec<f64> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

pub(crate) async fn measure() -> Measured {
    let barriers = Barriers::default();
    let every = barriers.clone().with_filter(LevelFilter::TRACE);
    tracing_subscriber::registry().with(every).try_init()?;
    let [one, three] = [on(1, &barriers).await?, on(3, &barriers).await?];
    Ok(json!({
        "v": 1, "bench": "heartbeat", "nodes": NODES, "slots": SLOTS,
        "barrier_p50_ms": one.p50, "barrier_p99_ms": one.p99,
        "three_members_barrier_p50_ms": three.p50, "three_members_barrier_p99_ms": three.p99,
        "requests_per_node_per_s": one.requests,
    }))
}

struct Figures {
    p50: f64,
    p99: f64,
    requests: f64,
}

/// A cluster at rest on an etcd of so many members.
async fn on(members: usize, barriers: &Barriers) -> Result<Figures, Box<dyn Error>> {
    let fleet = Fleet::new(members, SLOTS)?;
    let (running, _) = fleet.start_all(NODES)?;
    fleet.all_run().await?;
    tokio::time::sleep(AT_REST).await;
    let count = || {
        running
            .iter()
            .map(|node| node.requests.count())
            .sum::<u64>()
    };
    barriers.take();
    let (before, began) = (count(), Instant::now());
    tokio::time::sleep(WATCHED).await;
    let requests = (count() - before) as f64 / f64::from(NODES) / began.elapsed().as_secs_f64();
    let mut took = barriers.take();
    Ok(Figures {
        p50: quantile(&mut took, 0.5),
        p99: quantile(&mut took, 0.99),
        requests: (requests * 1000.0).round() / 1000.0,
    })
}
