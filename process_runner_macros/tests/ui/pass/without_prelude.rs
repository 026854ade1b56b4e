//! Expanded code names everything by full paths, whatever the user's names mean.
#![deny(warnings)]

#[allow(dead_code)]
struct Option;
#[allow(dead_code)]
struct Vec;
#[allow(dead_code)]
struct Result;
#[allow(dead_code)]
struct Box;
#[allow(dead_code)]
struct Options;

#[process_runner::job(lock_driver = "etcd")]
pub struct Queue {
    #[job(default = 1)]
    pub batch_size: u32,
    #[job(state)]
    pub pool: std::sync::Arc<str>,
}

impl process_runner::Job for Queue {
    type Record = ();

    async fn lock_records(
        &mut self,
        _: &process_runner::WorkerContext,
    ) -> process_runner::JobResult<std::vec::Vec<()>> {
        Ok(std::vec::Vec::new())
    }

    async fn process_record(
        &mut self,
        _: &process_runner::WorkerContext,
        (): &(),
    ) -> process_runner::JobResult<()> {
        Ok(())
    }

    async fn unlock_records(
        &mut self,
        _: &process_runner::WorkerContext,
    ) -> process_runner::JobResult<()> {
        Ok(())
    }
}

fn main() {}
