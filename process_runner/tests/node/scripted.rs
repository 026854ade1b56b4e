//! A job that does what its options say, one word a record, and writes down what it is asked.

use std::time::Duration;

use process_runner::JobError;
use process_runner::prelude::*;

use super::cluster::Log;

/// Plays `script` once, then finds nothing more to do.
#[job(lock_driver = "etcd")]
pub(crate) struct Scripted {
    /// A word for each record: `ok`, `fail`, `for_good`, `for_now`, `panic`, `slow`, `abort`,
    /// `sleep`, `spawn`.
    script: Vec<String>,
    /// How often `lock_records` fails first: `error` or `panic`.
    #[job(default)]
    lock: Vec<String>,
    #[job(state)]
    log: Log,
}

impl Job for Scripted {
    type Record = String;

    async fn prepare(&mut self, _cx: &WorkerContext) -> JobResult<()> {
        self.log.write("prepare");
        Ok(())
    }

    async fn before_perform(&mut self, _cx: &WorkerContext) -> JobResult<()> {
        self.log.write("before");
        Ok(())
    }

    async fn lock_records(&mut self, _cx: &WorkerContext) -> JobResult<Vec<String>> {
        // The log outlives the job's value, which a panic throws away.
        let attempt = self.log.count("locking");
        self.log.write("locking");
        match self.lock.get(attempt).map(String::as_str) {
            Some("error") => return Err("no database".into()),
            Some("panic") => panic!("a bug in lock_records"),
            _ => {}
        }
        if self.log.count("locked") > 0 {
            return Ok(Vec::new());
        }
        self.log.write("locked");
        Ok(self.script.clone())
    }

    async fn process_record(&mut self, cx: &WorkerContext, word: &String) -> JobResult<()> {
        self.log.write(format!("process {word}"));
        match word.as_str() {
            "fail" => return Err("failed".into()),
            "for_good" => return Err(JobError::permanent("never")),
            "for_now" => return Err(JobError::retry("later")),
            "panic" => panic!("a bug in process_record"),
            "slow" => tokio::time::sleep(Duration::from_secs(3600)).await,
            "abort" => return cx.abort(),
            "sleep" => cx.sleep(Duration::from_secs(3600)).await?,
            "spawn" => {
                let log = self.log.clone();
                let stopping = cx.stopping();
                cx.spawn(async move {
                    stopping.await;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    log.write("spawned ended");
                });
            }
            _ => {}
        }
        self.log.write(format!("done {word}"));
        Ok(())
    }

    async fn unlock_records(&mut self, _cx: &WorkerContext) -> JobResult<()> {
        self.log.write("unlock");
        Ok(())
    }

    async fn after_perform(&mut self, _cx: &WorkerContext) -> JobResult<()> {
        self.log.write("after");
        Ok(())
    }

    async fn quarantine(
        &mut self,
        _cx: &WorkerContext,
        record: &String,
        error: &JobError,
    ) -> JobResult<()> {
        self.log.write(format!("quarantine {record}: {error}"));
        Ok(())
    }
}
