//! The engine allocates nothing for a record: the batch and the iteration are all there is.
//!
//! This test has a program of its own, because it counts every allocation of its process.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use process_runner::config::{Request, load};
use process_runner::embedded::{EmbeddedEtcd, EmbeddedOptions};
use process_runner::prelude::*;
use process_runner::{Node, NodeEnd};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const RECORDS: u64 = 100_000;

/// Allocations made between the end of `lock_records` and the beginning of `unlock_records`.
#[derive(Clone, Default)]
struct Counted(Arc<AtomicU64>);

#[job(lock_driver = "etcd")]
struct Nothing {
    #[job(state)]
    counted: Counted,
    #[job(skip)]
    before: Option<u64>,
}

impl Job for Nothing {
    type Record = u64;

    async fn lock_records(&mut self, _cx: &WorkerContext) -> JobResult<Vec<u64>> {
        if self.before.is_some() {
            return Ok(Vec::new());
        }
        let batch = (0..RECORDS).collect();
        self.before = Some(dhat::HeapStats::get().total_blocks);
        Ok(batch)
    }

    async fn process_record(&mut self, _cx: &WorkerContext, record: &u64) -> JobResult<()> {
        black_box(record);
        Ok(())
    }

    async fn unlock_records(&mut self, _cx: &WorkerContext) -> JobResult<()> {
        let now = dhat::HeapStats::get().total_blocks;
        let before = self.before.unwrap();
        self.counted.0.fetch_max(now - before, Ordering::Relaxed);
        Ok(())
    }
}

#[tokio::test]
async fn a_record_costs_no_allocation() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.yml");
    let store = dir.path().display();
    std::fs::write(
        &path,
        format!(
            "etcd: {{ embedded: true, data_dir: {store} }}\njobs: {{ a: {{ class: Nothing }} }}\n"
        ),
    )
    .unwrap();
    let counted = Counted::default();
    let state = counted.clone();
    let registry = App::new()
        .state(async move || Ok::<_, std::io::Error>(state))
        .into_registry()
        .unwrap();
    let request = Request {
        path: Some(&path),
        environment: None,
        env: &|_| None,
        classes: Some(&registry),
    };
    let config = load(&request).unwrap().config;
    let etcd = EmbeddedEtcd::in_memory(EmbeddedOptions::default());
    let node = Node::new(config, registry).embedded(etcd).until_idle(true);
    assert_eq!(node.run_here().await.unwrap(), NodeEnd::Clean);
    let allocations = counted.0.load(Ordering::Relaxed);
    // The rest of the node shares the thread; it may renew its lease once meanwhile.
    assert!(
        allocations < RECORDS / 100,
        "{allocations} allocations for {RECORDS} records"
    );
}
