use process_runner::prelude::*;

#[derive(Clone)]
struct Mutex;

#[job(lock_driver = Mutex)]
struct Queue;

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
