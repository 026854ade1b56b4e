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

/// Takes the whole process with it.
#[job(lock_driver = "etcd")]
struct EndsTheProcess {
    /// With this status; without one it aborts.
    status: Option<i32>,
}

impl Job for EndsTheProcess {
    type Record = ();

    async fn lock_records(&mut self, _cx: &WorkerContext) -> JobResult<Vec<()>> {
        match self.status {
            Some(status) => std::process::exit(status),
            None => std::process::abort(),
        }
    }

    async fn process_record(&mut self, _cx: &WorkerContext, _record: &()) -> JobResult<()> {
        Ok(())
    }

    async fn unlock_records(&mut self, _cx: &WorkerContext) -> JobResult<()> {
        Ok(())
    }
}

/// Starts a daemon that leaves its session and says in `file` that it lives. It has the id of this
/// process, and so has the line that says when this iteration began.
#[job(lock_driver = "etcd")]
struct LeavesADaemon {
    file: std::path::PathBuf,
}

impl Job for LeavesADaemon {
    type Record = ();

    async fn lock_records(&mut self, cx: &WorkerContext) -> JobResult<Vec<()>> {
        let me = std::process::id().to_string();
        let script = "while :; do echo $0 alive $(date +%s%N) >> $1; done";
        let began = std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_nanos();
        std::process::Command::new("setsid")
            .args(["-f", "sh", "-c", script, &me])
            .arg(&self.file)
            .status()?;
        let open = std::fs::File::options()
            .append(true)
            .create(true)
            .open(&self.file)?;
        std::io::Write::write_all(&mut &open, format!("{me} began {began}\n").as_bytes())?;
        cx.stopping().await;
        Ok(Vec::new())
    }

    async fn process_record(&mut self, _cx: &WorkerContext, _record: &()) -> JobResult<()> {
        Ok(())
    }

    async fn unlock_records(&mut self, _cx: &WorkerContext) -> JobResult<()> {
        Ok(())
    }
}

/// Its records are the lines of the standard input.
#[job(lock_driver = "etcd")]
struct ReadsInput {}

impl Job for ReadsInput {
    type Record = String;

    async fn lock_records(&mut self, _cx: &WorkerContext) -> JobResult<Vec<String>> {
        Ok(std::io::stdin().lines().collect::<Result<_, _>>()?)
    }

    async fn process_record(&mut self, _cx: &WorkerContext, line: &String) -> JobResult<()> {
        Err(format!("read `{line}`").into())
    }

    async fn unlock_records(&mut self, _cx: &WorkerContext) -> JobResult<()> {
        Ok(())
    }
}

fn main() -> ExitCode {
    process_runner_cli::main(App::new())
}
