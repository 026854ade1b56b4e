use process_runner::prelude::*;

#[job(lock_driver = "etcd", lock_driver = "etcd")]
struct Queue {
    #[job(default = 1, default = 2)]
    batch_size: u32,
    #[job(default)]
    #[job(default)]
    name: String,
}

impl Job for Queue {
    type Record = ();

    async fn lock_records(&mut self, _: &WorkerContext) -> JobResult<Vec<()>> {
        Ok(Vec::new())
    }

    async fn process_record(&mut self, _: &WorkerContext, (): &()) -> JobResult<()> {
        Ok(())
    }

    async fn unlock_records(&mut self, _: &WorkerContext) -> JobResult<()> {
        Ok(())
    }
}

fn main() {
    // The class is named, and that is no further error.
    let _ = App::new().job::<Queue>();
}
