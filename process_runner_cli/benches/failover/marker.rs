//! A job whose iterations write down when they begin and end.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use process_runner::Clock;
use process_runner::prelude::*;

#[job(lock_driver = "etcd")]
struct Marker {
    /// Where to.
    file: PathBuf,
    #[job(skip)]
    open: Option<File>,
}

impl Marker {
    /// One write a line, so that lines of several processes do not mix.
    fn mark(&mut self, what: &str, cx: &WorkerContext) -> JobResult<()> {
        let open = match self.open.take() {
            Some(open) => open,
            None => File::options().append(true).create(true).open(&self.file)?,
        };
        let (index, node) = (cx.worker_index(), cx.node());
        let line = format!("{what} {index} {node} {}\n", Clock::boot().now().as_nanos());
        self.open.insert(open).write_all(line.as_bytes())?;
        Ok(())
    }
}

impl Job for Marker {
    type Record = ();

    async fn lock_records(&mut self, cx: &WorkerContext) -> JobResult<Vec<()>> {
        self.mark("begin", cx)?;
        Ok(vec![()])
    }

    async fn process_record(&mut self, _cx: &WorkerContext, _record: &()) -> JobResult<()> {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(())
    }

    async fn unlock_records(&mut self, cx: &WorkerContext) -> JobResult<()> {
        self.mark("end", cx)
    }
}
