//! The smallest job: each worker greets a few times, then has nothing left to do.
//!
//! ```text
//! cargo run -p hello_job -- run examples/hello_job/config.yml --until-idle
//! ```

#![allow(clippy::print_stdout, reason = "greeting is what this program is for")]

use process_runner::prelude::*;

#[job(lock_driver = "etcd")]
struct HelloJob {
    /// Whom to greet.
    #[job(default = "world".to_owned())]
    name: String,
    /// How often.
    #[job(default = 3)]
    times: u32,
    #[job(skip)]
    greeted: u32,
}

impl Job for HelloJob {
    type Record = u32;

    async fn lock_records(&mut self, _cx: &WorkerContext) -> JobResult<Vec<u32>> {
        Ok((self.greeted + 1..=self.times).collect())
    }

    async fn process_record(&mut self, cx: &WorkerContext, time: &u32) -> JobResult<()> {
        println!(
            "worker {}: hello, {} ({time})",
            cx.worker_index(),
            self.name
        );
        self.greeted = *time;
        Ok(())
    }

    async fn unlock_records(&mut self, _cx: &WorkerContext) -> JobResult<()> {
        Ok(())
    }
}

fn main() -> std::process::ExitCode {
    process_runner_cli::main(App::new())
}
