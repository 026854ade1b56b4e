//! The loops without a runner: the yardstick.

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use process_queue::digest::Digest;
use process_queue::store::{Holder, Outcome, Store, StoreError};
use tokio::runtime::Builder;

use crate::node::{BATCH_SIZE, WRITE_SIZE};
use crate::turns::{Side, Turns};

/// Drains the queue `job` on a runtime of its own.
pub(crate) fn drain_fresh(url: &str, job: &str, turns: &Arc<Turns>) -> Result<(), Box<dyn Error>> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let store = runtime.block_on(Store::open(url))?;
    let (job, turns) = (job.to_owned(), Arc::clone(turns));
    let draining = runtime.spawn(async move {
        let drained = drain(&store, &job, &turns).await;
        turns.finish(Side::Bare);
        drained
    });
    Ok(runtime.block_on(draining)??)
}

/// Drains the queue `job` as a program without a runner would.
async fn drain(store: &Store, job: &str, turns: &Turns) -> Result<(), StoreError> {
    let holder = Holder {
        job,
        worker: 0,
        fence: 1,
    };
    store.advance(holder).await?;
    let mut outcomes = Vec::new();
    loop {
        turns.next(Side::Bare).await;
        let records = store.lock(holder, BATCH_SIZE).await?;
        if records.is_empty() {
            return Ok(());
        }
        for record in &records {
            if outcomes.len() >= WRITE_SIZE {
                store.complete(holder, &outcomes).await?;
                outcomes.clear();
            }
            let result = Digest::of_file(&record.path, || {}).await;
            let result = result.map_err(|error| error.to_string());
            outcomes.push(Outcome {
                id: record.id,
                result,
            });
        }
        store.complete(holder, &outcomes).await?;
        outcomes.clear();
        store.unlock(holder).await?;
    }
}

/// A loop over records that do nothing.
pub(crate) fn drain_nothing(records: u32) -> Duration {
    let batch = vec![0u32; records as usize];
    let began = Instant::now();
    for record in &batch {
        black_box(record);
    }
    began.elapsed()
}
