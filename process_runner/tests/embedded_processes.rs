//! The embedded etcd between processes: a host is killed while it writes, and a guest takes over.
//!
//! The host is this test binary again, told by an environment variable what to do; run as a test it does nothing.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use etcd_client::{Client, PutOptions};
use process_runner::embedded::{EmbeddedEtcd, EmbeddedOptions, Joined, guest_channel};

const DIRECTORY: &str = "PR_TEST_EMBEDDED_HOST";

/// Small, so that the log is rewritten many times while it is written.
fn options() -> EmbeddedOptions {
    EmbeddedOptions::default()
        .history_revisions(50)
        .log_bytes(20_000)
}

/// Not a test of its own: the host process.
#[tokio::test]
async fn host_process() {
    let Some(dir) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let joined = EmbeddedEtcd::open_or_join(Path::new(&dir), options()).await;
    let Joined::Host(_etcd) = joined.unwrap() else {
        panic!("there is a host already");
    };
    let mut out = std::io::stdout();
    writeln!(out, "\nserving").unwrap();
    out.flush().unwrap();
    std::future::pending::<()>().await;
}

/// A host in a process of its own, killed with the test.
struct Host(Child);

impl Host {
    fn start(dir: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "host_process", "--nocapture"])
            .env(DIRECTORY, dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        let host = Self(child);
        assert!(lines.any(|line| line == "serving"), "the host ended early");
        host
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn join(dir: &Path, host: &Host) -> Client {
    match EmbeddedEtcd::open_or_join(dir, options()).await.unwrap() {
        Joined::Guest { socket, host_pid } => {
            assert_eq!(host_pid, Some(host.0.id()));
            let channel = guest_channel(&socket);
            Client::from_channel(channel, None).await.unwrap()
        }
        Joined::Host(_) => panic!("the host's lock was not held"),
    }
}

/// Writes under a name until the host is gone; returns the last number and revision that were acknowledged.
/// Between two writes the next host may have taken its place, and then nothing fails: so it is told, too.
async fn write_until_it_dies(
    mut client: Client,
    name: String,
    killed: Arc<AtomicBool>,
) -> (i64, i64) {
    let mut acknowledged = (0, 0);
    for number in 1.. {
        if killed.load(Ordering::Acquire) {
            break;
        }
        let text = format!("{number} {}", "x".repeat(500));
        match client.put(name.clone(), text, None).await {
            Ok(reply) => acknowledged = (number, reply.header().unwrap().revision()),
            Err(_) => break,
        }
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_host_loses_nothing_acknowledged_and_a_guest_takes_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut revision = 0;
    let mut term = 0;
    for round in 0..5_u64 {
        let host = Host::start(dir.path());
        let client = join(dir.path(), &host).await;
        let killed = Arc::new(AtomicBool::new(false));
        let names = (0..4).map(|writer| format!("writer{writer}"));
        let writers: Vec<_> = names
            .map(|name| {
                let writes = write_until_it_dies(client.clone(), name.clone(), Arc::clone(&killed));
                (name, tokio::spawn(writes))
            })
            .collect();
        wait_for_writes(&client, 100 + 37 * i64::try_from(round).unwrap()).await;
        host.kill();
        killed.store(true, Ordering::Release);

        let joined = EmbeddedEtcd::open_or_join(dir.path(), options()).await;
        let Joined::Host(mine) = joined.unwrap() else {
            panic!("the killed host still holds the lock");
        };
        let mut client = Client::from_channel(mine.channel(), None).await.unwrap();
        for (name, writer) in writers {
            let (number, seen) = writer.await.unwrap();
            let reply = client.get(name, None).await.unwrap();
            let value = reply.kvs()[0].value_str().unwrap();
            let found: i64 = value.split(' ').next().unwrap().parse().unwrap();
            assert!(
                found == number || found == number + 1,
                "{found}, {number} acknowledged"
            );
            revision = revision.max(seen);
            let header = reply.header().unwrap();
            assert!(header.revision() >= revision);
            assert!(header.raft_term() > term);
        }
        term = client.status().await.unwrap().raft_term();
        mine.shutdown().await;
    }
}

/// Waits until this many writes more have happened.
async fn wait_for_writes(client: &Client, count: i64) {
    let mut client = client.clone();
    let mut watch = client.watch("writer0", None).await.unwrap();
    let created = watch.message().await.unwrap().unwrap();
    let start = created.header().unwrap().revision();
    loop {
        let message = watch.message().await.unwrap().unwrap();
        if message.header().unwrap().revision() > start + count {
            return;
        }
    }
}

#[tokio::test]
async fn a_lease_of_a_killed_host_lives_its_full_time_under_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let mut client = join(dir.path(), &host).await;
    let lease = client.lease_grant(2, None).await.unwrap().id();
    let options_ = PutOptions::new().with_lease(lease);
    client.put("k", "", Some(options_)).await.unwrap();
    host.kill();
    let began = Instant::now();
    let Joined::Host(mine) = EmbeddedEtcd::open_or_join(dir.path(), options())
        .await
        .unwrap()
    else {
        panic!("the killed host still holds the lock");
    };
    let mut client = Client::from_channel(mine.channel(), None).await.unwrap();
    let mut watch = client.watch("k", None).await.unwrap();
    watch.message().await.unwrap();
    let deleted = watch.message().await.unwrap().unwrap();
    assert_eq!(deleted.events().len(), 1);
    let lasted = began.elapsed();
    assert!(lasted >= Duration::from_secs(2), "{lasted:?}");
    assert!(lasted < Duration::from_secs(4), "{lasted:?}");
}
