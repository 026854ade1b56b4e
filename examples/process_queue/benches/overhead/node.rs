//! The same work under the runner: a whole node, with an embedded etcd in its process.

use std::error::Error;
use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use process_queue::digest::Digest;
use process_queue::store::{Holder, Outcome, Store};
use process_runner::config::{Request, load};
use process_runner::prelude::*;
use process_runner::{Node, NodeEnd};

use crate::turns::{Side, Turns};

pub(crate) const BATCH_SIZE: u32 = 256;
pub(crate) const WRITE_SIZE: usize = 64;

/// When work began and when it was done, as the job itself saw it.
#[derive(Clone, Default)]
struct Marks(Arc<Mutex<(Option<Instant>, Option<Instant>)>>);

impl Marks {
    fn begin(&self) {
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        marks.0.get_or_insert_with(Instant::now);
    }

    fn end(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = Some(Instant::now());
    }

    fn began(&self) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn took(&self) -> Result<Duration, Box<dyn Error>> {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            (Some(began), Some(ended)) => Ok(ended - began),
            _ => Err("the job did not run".into()),
        }
    }
}

/// Records that do nothing, so that what remains is the engine.
#[job(lock_driver = "etcd")]
struct Nothing {
    records: u32,
    #[job(state)]
    marks: Marks,
    #[job(skip)]
    drained: bool,
}

impl Job for Nothing {
    type Record = u32;

    async fn lock_records(&mut self, _cx: &WorkerContext) -> JobResult<Vec<u32>> {
        if std::mem::replace(&mut self.drained, true) {
            return Ok(Vec::new());
        }
        let batch = vec![0; self.records as usize];
        self.marks.begin();
        Ok(batch)
    }

    async fn process_record(&mut self, _cx: &WorkerContext, record: &u32) -> JobResult<()> {
        black_box(record);
        Ok(())
    }

    async fn unlock_records(&mut self, _cx: &WorkerContext) -> JobResult<()> {
        if self.marks.took().is_err() {
            self.marks.end();
        }
        Ok(())
    }
}

/// What the bare loop does, as a job.
#[job(lock_driver = "etcd")]
struct Hash {
    queue: String,
    #[job(state)]
    store: Store,
    #[job(state)]
    turns: Arc<Turns>,
    #[job(skip)]
    outcomes: Vec<Outcome>,
}

impl Hash {
    fn holder(&self) -> Holder<'_> {
        // The same fence as the bare loop's: each round has a queue of its own.
        Holder {
            job: &self.queue,
            worker: 0,
            fence: 1,
        }
    }

    async fn write(&mut self) -> JobResult<()> {
        self.store.complete(self.holder(), &self.outcomes).await?;
        self.outcomes.clear();
        Ok(())
    }
}

impl Job for Hash {
    type Record = process_queue::store::QueueRecord;

    async fn prepare(&mut self, _cx: &WorkerContext) -> JobResult<()> {
        Ok(self.store.advance(self.holder()).await?)
    }

    async fn lock_records(&mut self, _cx: &WorkerContext) -> JobResult<Vec<Self::Record>> {
        self.turns.next(Side::Worker).await;
        let records = self.store.lock(self.holder(), BATCH_SIZE).await?;
        if records.is_empty() {
            self.turns.finish(Side::Worker);
        }
        Ok(records)
    }

    async fn process_record(
        &mut self,
        _cx: &WorkerContext,
        record: &Self::Record,
    ) -> JobResult<()> {
        if self.outcomes.len() >= WRITE_SIZE {
            self.write().await?;
        }
        let result = Digest::of_file(&record.path, || {}).await;
        let result = result.map_err(|error| error.to_string());
        self.outcomes.push(Outcome {
            id: record.id,
            result,
        });
        Ok(())
    }

    async fn unlock_records(&mut self, _cx: &WorkerContext) -> JobResult<()> {
        self.write().await?;
        self.store.unlock(self.holder()).await?;
        Ok(())
    }
}

/// Drains records that do nothing.
pub(crate) fn drain_nothing(records: u32) -> Result<Duration, Box<dyn Error>> {
    let marks = Marks::default();
    run(
        &marks,
        None,
        &format!("class: Nothing, options: {{ records: {records} }}"),
    )?;
    marks.took()
}

/// Drains the queue `job` of the store at `url`, by turns.
pub(crate) fn drain_store(url: &str, job: &str, turns: &Arc<Turns>) -> Result<(), Box<dyn Error>> {
    let drained = run(
        &Marks::default(),
        Some((url, turns)),
        &format!("class: Hash, options: {{ queue: {job} }}"),
    );
    // Whatever happened, the other loop must not wait for this one.
    turns.finish(Side::Worker);
    drained.map(drop)
}

/// Milliseconds from the start of a node, its etcd included, to the first record.
pub(crate) fn start_to_first_record() -> Result<f64, Box<dyn Error>> {
    let marks = Marks::default();
    let began = Instant::now();
    run(&marks, None, "class: Nothing, options: { records: 1 }")?;
    let first = marks.began().ok_or("the job did not run")?;
    Ok((first - began).as_secs_f64() * 1000.0)
}

/// Requests to etcd for each further record: those of a run with many records less those of a run
/// with one, over the number of records.
pub(crate) fn round_trips_per_record(records: u32) -> Result<f64, Box<dyn Error>> {
    let one = requests(1)?;
    let many = requests(records)?;
    // A longer run renews its lease more often; that is a matter of time, not of records.
    Ok(many.saturating_sub(one) as f64 / f64::from(records))
}

fn requests(records: u32) -> Result<u64, Box<dyn Error>> {
    run(
        &Marks::default(),
        None,
        &format!("class: Nothing, options: {{ records: {records} }}"),
    )
}

/// Runs one worker of a job until it is idle, on an etcd in this process. Answers how many requests
/// that etcd got.
fn run(
    marks: &Marks,
    store: Option<(&str, &Arc<Turns>)>,
    job: &str,
) -> Result<u64, Box<dyn Error>> {
    let dir = tempdir()?;
    let path = dir.join("config.yml");
    let etcd = format!("{{ embedded: true, data_dir: {}/etcd }}", dir.display());
    std::fs::write(
        &path,
        format!("etcd: {etcd}\njobs:\n  bench: {{ {job} }}\n"),
    )?;
    let marks = marks.clone();
    let unused = format!("sqlite:{}/unused.db", dir.display());
    let (url, turns) = match store {
        Some((url, turns)) => (url.to_owned(), Arc::clone(turns)),
        None => (unused, Arc::default()),
    };
    let registry = App::new()
        .state(async move || Ok::<_, std::io::Error>(marks))
        .state(async move || Store::open(&url).await)
        .state(async move || Ok::<_, std::io::Error>(turns))
        .into_registry()?;
    let loaded = load(&Request {
        path: Some(&path),
        environment: None,
        env: &|_| None,
        classes: Some(&registry),
    })
    .map_err(|problems| problems.to_string())?;
    let node = Node::new(loaded.config, registry).until_idle(true);
    let requests = node.requests();
    let end = node.run()?;
    std::fs::remove_dir_all(&dir)?;
    match end {
        NodeEnd::Clean => Ok(requests.count()),
        other => Err(format!("the node ended with {other:?}").into()),
    }
}

fn tempdir() -> std::io::Result<std::path::PathBuf> {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let dir = std::env::temp_dir().join(format!("overhead-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}
