//! A user's binary whose jobs end in the ways that a command line must tell apart. Tests run it.

use std::process::ExitCode;

use process_runner::prelude::*;

/// Finds nothing to do and cannot let go of it.
#[job(lock_driver = "etcd")]
struct NeverUnlocks {}

impl Job for NeverUnlocks {
    type Record = ();

    async fn lock_records(&mut self, _cx: &WorkerContext) -> JobResult<Vec<()>> {
        Ok(Vec::new())
    }

    async fn process_record(&mut self, _cx: &WorkerContext, _record: &()) -> JobResult<()> {
        Ok(())
    }

    async fn unlock_records(&mut self, _cx: &WorkerContext) -> JobResult<()> {
        std::future::pending().await
    }
}

/// Fails whenever it is asked for work.
#[job(lock_driver = "etcd")]
struct AlwaysFails {
    /// What it says when it fails.
    #[job(default = "no luck".to_owned())]
    message: String,
}

impl Job for AlwaysFails {
    type Record = ();

    async fn lock_records(&mut self, _cx: &WorkerContext) -> JobResult<Vec<()>> {
        Err(self.message.clone().into())
    }

    async fn process_record(&mut self, _cx: &WorkerContext, _record: &()) -> JobResult<()> {
        Ok(())
    }

    async fn unlock_records(&mut self, _cx: &WorkerContext) -> JobResult<()> {
        Ok(())
    }
}

fn main() -> ExitCode {
    process_runner_cli::main(App::new())
}
