//! A lock driver of the user's own, on top of the slot.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use process_runner::NodeEnd;
use process_runner::lock::{LockDriver, LockFuture, LockGuard, check};
use process_runner::model::Slot;
use process_runner::prelude::*;

use super::cluster::{Cluster, Log};

/// A lock in memory that writes down what is asked of it.
#[derive(Clone, Default)]
pub(crate) struct InMemory {
    held: Arc<Mutex<HashSet<Slot>>>,
    log: Log,
    /// A driver that is broken on purpose: it locks twice.
    careless: bool,
}

struct Guard {
    driver: InMemory,
    slot: Slot,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.driver.held.lock().unwrap().remove(&self.slot);
    }
}

impl LockGuard for Guard {
    fn release(self: Box<Self>) -> LockFuture<'static, ()> {
        Box::pin(async move {
            self.driver.log.write(format!("release {}", self.slot));
            Ok(())
        })
    }
}

impl LockDriver for InMemory {
    fn acquire<'a>(&'a self, slot: &'a Slot) -> LockFuture<'a, Option<Box<dyn LockGuard>>> {
        Box::pin(async move {
            if !self.held.lock().unwrap().insert(slot.clone()) && !self.careless {
                self.log.write(format!("busy {slot}"));
                return Ok(None);
            }
            self.log.write(format!("acquire {slot}"));
            let guard = Guard {
                driver: self.clone(),
                slot: slot.clone(),
            };
            Ok(Some(Box::new(guard) as Box<dyn LockGuard>))
        })
    }
}

#[job(lock_driver = InMemory)]
struct Guarded {
    #[job(state)]
    log: Log,
    #[job(skip)]
    done: bool,
}

impl Job for Guarded {
    type Record = ();

    async fn lock_records(&mut self, _cx: &WorkerContext) -> JobResult<Vec<()>> {
        self.log.write("lock");
        Ok(if std::mem::replace(&mut self.done, true) {
            Vec::new()
        } else {
            vec![()]
        })
    }

    async fn process_record(&mut self, _cx: &WorkerContext, _record: &()) -> JobResult<()> {
        self.log.write("process");
        Ok(())
    }

    async fn unlock_records(&mut self, _cx: &WorkerContext) -> JobResult<()> {
        self.log.write("unlock");
        Ok(())
    }
}

const JOBS: &str = "  work: { class: Guarded, options: {} }\n";

#[tokio::test(start_paused = true)]
async fn an_iteration_runs_between_acquire_and_release() {
    let cluster = Cluster::new();
    let node = Cluster::run(cluster.node("a", JOBS).until_idle(true));
    assert_eq!(node.task.await.unwrap().unwrap(), NodeEnd::Clean);
    let once = [
        "acquire work@0",
        "lock",
        "process",
        "unlock",
        "release work@0",
    ];
    let idle = ["acquire work@0", "lock", "unlock", "release work@0"];
    assert_eq!(cluster.log.lines(), [&once[..], &idle[..]].concat());
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_somebody_else_holds_is_an_empty_batch() {
    let cluster = Cluster::new();
    cluster
        .driver
        .held
        .lock()
        .unwrap()
        .insert(Slot::new("work", 0));
    let node = Cluster::run(cluster.node("a", JOBS).until_idle(true));
    assert_eq!(node.task.await.unwrap().unwrap(), NodeEnd::Clean);
    assert_eq!(cluster.log.lines(), ["busy work@0"]);
}

#[tokio::test]
async fn the_suite_passes_a_good_driver_and_catches_a_careless_one() {
    check(&InMemory::default(), "suite").await.unwrap();
    let careless = InMemory {
        careless: true,
        ..InMemory::default()
    };
    assert_eq!(check(&careless, "suite").await.unwrap_err().rule, 1);
}

impl InMemory {
    pub(crate) fn logging_to(log: &Log) -> Self {
        Self {
            log: log.clone(),
            ..Self::default()
        }
    }
}
