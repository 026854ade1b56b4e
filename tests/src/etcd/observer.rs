//! What etcd says of every slot, as its own watch tells it: the oracle of the judge.
//!
//! An observer follows `<prefix>/slots/` from the first revision on, over every outage, and writes
//! down when it heard of each change, on the clock on the wall that programs can read as well.
//!
//! # How it fails
//!
//! A history that was compacted before it was read is lost: whoever compacts lets it keep up. An
//! etcd that forgot everything is not followed any further.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use etcd_client::{Client, EventType, WatchOptions};
use serde_json::Value;
use tokio::sync::watch;

use super::Etcd;
use crate::history::{Event, What};

/// Follows the slots. Dropping it ends its thread.
pub struct Observer {
    seen: Seen,
    /// Its drop ends the thread.
    end: watch::Sender<()>,
    thread: Option<JoinHandle<()>>,
}

type Seen = Arc<Mutex<Vec<Event>>>;

impl Observer {
    /// Begins to follow the slots under `prefix`.
    pub fn start(etcd: &Etcd, prefix: &str) -> Self {
        let (endpoints, range) = (etcd.endpoints(), format!("{prefix}/slots/"));
        let seen = Seen::default();
        let (end, mut ended) = watch::channel(());
        let to = Arc::clone(&seen);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let Ok(runtime) = { runtime }.enable_all().build() else {
                return;
            };
            runtime.block_on(async {
                tokio::select! {
                    _ = ended.changed() => {}
                    () = follow(&endpoints, &range, &to) => {}
                }
            });
        });
        Self {
            seen,
            end,
            thread: Some(thread),
        }
    }

    /// What was seen so far.
    pub fn events(&self) -> Vec<Event> {
        lock(&self.seen).clone()
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        // An error means that the thread has ended already.
        let _ = self.end.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The time on the clock on the wall, since 1970.
pub fn wall() -> Duration {
    let since = SystemTime::UNIX_EPOCH.elapsed();
    since.unwrap_or_default()
}

fn lock(seen: &Seen) -> MutexGuard<'_, Vec<Event>> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One watch after the other, each on another member, from where the last one ended.
async fn follow(endpoints: &[String], range: &str, seen: &Seen) {
    let mut next = 1;
    for endpoint in endpoints.iter().cycle() {
        let once = follow_once(endpoint, range, &mut next, seen);
        // An etcd that is away is asked again; what it said is of no interest.
        let _ = once.await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn follow_once(
    endpoint: &str,
    range: &str,
    next: &mut i64,
    seen: &Seen,
) -> Result<(), etcd_client::Error> {
    let mut client = Client::connect([endpoint], None).await?;
    let options = WatchOptions::new().with_prefix().with_start_revision(*next);
    let mut stream = client.watch(range, Some(options)).await?;
    while let Some(answer) = stream.message().await? {
        for event in answer.events() {
            let Some(kv) = event.kv() else { continue };
            *next = kv.mod_revision() + 1;
            let key = String::from_utf8_lossy(kv.key()).into_owned();
            let slot = key.trim_start_matches(range).replace('/', "@");
            let what = match event.event_type() {
                EventType::Put => What::Granted {
                    slot,
                    node: owner(kv.value()),
                    token: kv.mod_revision().unsigned_abs(),
                },
                EventType::Delete => What::Freed { slot },
            };
            lock(seen).push(Event { at: wall(), what });
        }
    }
    Ok(())
}

fn owner(record: &[u8]) -> String {
    let record: Value = serde_json::from_slice(record).unwrap_or_default();
    record["owner"].as_str().unwrap_or_default().to_owned()
}
