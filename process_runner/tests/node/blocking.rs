//! Code that blocks its thread: it cannot be dropped, so the process has to end, in real time.

use std::time::{Duration, Instant};

use etcd_client::{Client, GetOptions};
use process_runner::config::{Request, load};
use process_runner::embedded::{EmbeddedEtcd, Joined, guest_channel};
use process_runner::prelude::*;
use process_runner::{Node, NodeEnd, NodeHandle};

use super::cluster::Log;

/// Sleeps without giving its thread back.
#[job(lock_driver = "etcd")]
struct Blocker {
    #[job(state)]
    log: Log,
}

impl Job for Blocker {
    type Record = ();

    async fn lock_records(&mut self, _cx: &WorkerContext) -> JobResult<Vec<()>> {
        Ok(vec![()])
    }

    async fn process_record(&mut self, _cx: &WorkerContext, _record: &()) -> JobResult<()> {
        self.log.write("blocked");
        std::thread::sleep(Duration::from_secs(30));
        Ok(())
    }

    async fn unlock_records(&mut self, _cx: &WorkerContext) -> JobResult<()> {
        self.log.write("unlock");
        Ok(())
    }
}

struct Blocked {
    dir: tempfile::TempDir,
    log: Log,
    handle: NodeHandle,
    node: std::thread::JoinHandle<NodeEnd>,
}

impl Blocked {
    /// A client of the etcd that the node hosts.
    async fn client(&self) -> Client {
        let store = self.dir.path().join("store");
        let host = EmbeddedEtcd::find_host(&store).await.unwrap();
        let Some(Joined::Guest { socket, .. }) = host else {
            panic!("nobody hosts the store")
        };
        let channel = guest_channel(&socket);
        Client::from_channel(channel, None).await.unwrap()
    }
}

/// The lease of the only slots there are, and the revision at which each was put.
async fn held(client: &mut Client) -> Vec<(String, i64, i64)> {
    let all = GetOptions::new().with_all_keys();
    let found = client.get("", Some(all)).await.unwrap();
    let kvs = found.kvs().iter().map(|kv| {
        let key = kv.key_str().unwrap().to_owned();
        (key, kv.lease(), kv.mod_revision())
    });
    kvs.filter(|(key, ..)| key.contains("/slots/")).collect()
}

/// Interleaving 16: records that block every thread they can get would take a node down that renews its
/// lease on their threads, and then the next node that has the slot.
#[tokio::test]
async fn f24_code_that_blocks_every_thread_of_the_workers_costs_no_lease() {
    // More than there are threads for them.
    let workers = 2 * std::thread::available_parallelism().unwrap().get();
    let blocked = blocked(workers).await;
    let mut client = blocked.client().await;
    let before = held(&mut client).await;
    assert_eq!(before.len(), workers);
    // Longer than the lease lives; what is tested is that time goes by.
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert_eq!(held(&mut client).await, before);
    let begun = blocked.log.count("blocked");
    assert!(begun < workers, "no thread was wanting");
    blocked.handle.stop();
    let end = tokio::task::spawn_blocking(move || blocked.node.join().unwrap());
    assert!(matches!(end.await.unwrap(), NodeEnd::Outlived { .. }));
}

/// A node with so many workers, of which one blocks its thread by now.
async fn blocked(workers: usize) -> Blocked {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.yml");
    let yaml = format!(
        "etcd: {{ embedded: true, data_dir: store, lease_ttl: 5s }}\n\
         global: {{ shutdown_timeout: 500ms, node: {{ name: a }} }}\n\
         jobs: {{ work: {{ class: Blocker, workers: {workers} }} }}\n"
    );
    std::fs::write(&path, yaml).unwrap();
    let log = Log::default();
    // Every class of this test program asks for its state.
    let (state, driver) = (log.clone(), super::driver::InMemory::logging_to(&log));
    let registry = App::new()
        .state(async move || Ok::<_, std::io::Error>(state))
        .state(async move || Ok::<_, std::io::Error>(driver))
        .into_registry()
        .unwrap();
    let request = Request {
        path: Some(&path),
        environment: None,
        env: &|_| None,
        classes: Some(&registry),
    };
    let config = load(&request)
        .unwrap_or_else(|problems| panic!("{problems}"))
        .config;
    let node = Node::new(config, registry);
    let handle = node.handle();
    let node = std::thread::spawn(move || node.run().unwrap());
    log.wait_for("blocked").await;
    Blocked {
        dir,
        log,
        handle,
        node,
    }
}

#[tokio::test]
async fn a_drain_that_meets_blocking_code_says_that_the_process_must_end() {
    let blocked = blocked(1).await;
    let began = Instant::now();
    blocked.handle.stop();
    let end = tokio::task::spawn_blocking(move || blocked.node.join().unwrap())
        .await
        .unwrap();
    assert_eq!(
        end,
        NodeEnd::Outlived {
            workers: 1,
            lost: false
        }
    );
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(blocked.log.count("unlock"), 0);
}

#[tokio::test]
async fn f23_a_lost_lease_under_blocking_code_ends_the_process() {
    let blocked = blocked(1).await;
    let mut client = blocked.client().await;
    let lease = client.leases().await.unwrap().leases()[0].id();
    client.lease_revoke(lease).await.unwrap();
    let end = tokio::task::spawn_blocking(move || blocked.node.join().unwrap())
        .await
        .unwrap();
    assert_eq!(
        end,
        NodeEnd::Outlived {
            workers: 1,
            lost: true
        }
    );
    assert_eq!(blocked.log.count("unlock"), 0);
}
