//! The smallest possible job: one greeting per iteration.
//!
//! `cargo run -p hello_job -- run examples/hello_job/config.yml`

use std::process::ExitCode;

use process_runner::prelude::*;

#[job(lock_driver = "etcd")]
struct HelloJob {
    /// Whom to greet.
    #[job(default = "world".to_owned())]
    name: String,
}

impl Job for HelloJob {
    type Record = String;

    async fn lock_records(&mut self, _cx: &WorkerContext) -> JobResult<Vec<String>> {
        Ok(vec![self.name.clone()])
    }

    async fn process_record(&mut self, cx: &WorkerContext, name: &String) -> JobResult<()> {
        println!("worker {} says: hello, {name}", cx.worker_index());
        cx.sleep(std::time::Duration::from_secs(1)).await
    }

    async fn unlock_records(&mut self, _cx: &WorkerContext) -> JobResult<()> {
        Ok(())
    }
}

fn main() -> ExitCode {
    process_runner_cli::main(App::new())
}
