use process_runner::prelude::*;

#[job(lock_driver = 5, class = Queue, crate = 7)]
struct Queue {
    #[job(state = pool)]
    first: u32,
    #[job(default =)]
    second: u32,
    #[job("default")]
    third: u32,
    #[job(default 5)]
    fourth: u32,
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
