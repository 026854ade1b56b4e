//! What a class does once it is compiled.
use process_runner::prelude::*;

#[derive(Clone)]
struct Pool;

/// Drains the queue.
#[job(lock_driver = "etcd")]
pub struct ProcessQueue {
    /// How many.
    #[job(default = 1000)]
    batch_size: u32,
    #[job(default = "x")]
    name: String,
    #[job(state)]
    db: Pool,
    #[job(skip)]
    seen: Vec<u32>,
}

impl Job for ProcessQueue {
    type Record = ();
    async fn lock_records(&mut self, _: &WorkerContext) -> JobResult<Vec<()>> {
        let _ = (&self.batch_size, &self.name, &self.db, &self.seen);
        Ok(vec![])
    }
    async fn process_record(&mut self, _: &WorkerContext, _: &()) -> JobResult<()> {
        Ok(())
    }
    async fn unlock_records(&mut self, _: &WorkerContext) -> JobResult<()> {
        Ok(())
    }
}

#[process_runner::state]
async fn db() -> Result<Pool, std::io::Error> {
    Ok(Pool)
}

#[test]
fn found() {
    let registry = App::new().into_registry().unwrap();
    assert!(registry.class("ProcessQueue").is_some());
}
