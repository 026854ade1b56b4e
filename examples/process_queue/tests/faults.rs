//! Four nodes drain a queue in PostgreSQL while one of them is killed or frozen every two seconds:
//! every record is done, none twice, none under a fence that was superseded, none left locked.
//!
//! A node is its guardian and its worker process. Both are frozen together, as when a machine is
//! suspended: then nobody ends the worker process before it wakes up past its lease, in the middle of a
//! transaction. Either both are killed or the guardian alone.
//!
//! By default it takes some seconds. `PR_RECORDS` says how many records there are at least; more are
//! added until a few faults have happened.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that fails should say where"
)]

use std::fs::File;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use process_queue::store::Store;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use sqlx::{Executor, PgPool};
use tempfile::TempDir;
use tests::etcd::{Etcd, Version};
use tests::postgres::Postgres;

const NODES: usize = 4;
const FAULT_EVERY: Duration = Duration::from_secs(2);
/// Longer than a lease lives (5 s and etcd's half second), so that the slots move meanwhile.
const FREEZE: Duration = Duration::from_secs(7);
/// At least so many of each kind.
const FAULTS: usize = 2;
/// Records are added so many at a time.
const CHUNK: usize = 5_000;
/// Nothing moves for so long: something is stuck.
const PATIENCE: Duration = Duration::from_secs(90);

/// Notes for each write of a record under which fence it was made, and which one was in force.
const AUDIT: &str = "
CREATE TABLE audit (record BIGINT, state TEXT, fence BIGINT, in_force BIGINT);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO audit SELECT NEW.id, NEW.state, NEW.fence, (SELECT fence
        FROM process_runner_fences f WHERE f.job = NEW.job AND f.worker_index = NEW.worker);
    RETURN NULL;
END $$;
CREATE TRIGGER note AFTER UPDATE ON records FOR EACH ROW
WHEN (NEW.fence IS NOT NULL) EXECUTE FUNCTION note();";

#[tokio::test]
async fn f4_and_f18_every_record_is_done_once_while_nodes_die_and_freeze() {
    let wanted = std::env::var("PR_RECORDS").map_or(CHUNK, |count| count.parse().unwrap());
    let (etcd, server) = (
        Etcd::start(Version::V35).unwrap(),
        Postgres::start().unwrap(),
    );
    let url = server.database("queue").unwrap();
    let store = Store::open(&url).await.unwrap();
    let pool = PgPool::connect(&url).await.unwrap();
    pool.execute(AUDIT).await.unwrap();
    let mut queue = Queue::new(pool.clone());
    let mut cluster = Cluster::new(etcd.endpoint(), &url, queue.dir.path());
    for node in 0..NODES {
        cluster.start(node);
    }

    let (mut moved, mut left) = (Instant::now(), 0);
    loop {
        let progress = store.progress().await.unwrap();
        let unfinished = progress.pending + progress.locked;
        let enough = queue.records >= wanted && cluster.has_faults();
        if unfinished == 0 && enough {
            break;
        }
        if !enough && progress.pending < CHUNK as u64 {
            queue.add().await;
        }
        if unfinished != left {
            (moved, left) = (Instant::now(), unfinished);
        }
        assert!(
            moved.elapsed() < PATIENCE,
            "{progress:?}\n{}",
            cluster.logs()
        );
        // The rhythm of the faults, and of asking; nothing is expected to have happened by then.
        tokio::time::sleep(Duration::from_millis(100)).await;
        cluster.go_on();
    }
    let (killed, frozen) = (cluster.killed, cluster.frozen);
    cluster.drain();

    let count = async |sql: &'static str| -> i64 {
        sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap()
    };
    let records = queue.records as i64;
    let progress = store.progress().await.unwrap();
    assert_eq!(
        (progress.pending, progress.locked, progress.failed),
        (0, 0, 0)
    );
    assert_eq!(progress.done, records as u64);
    let once = "SELECT count(DISTINCT record) FROM audit WHERE state = 'done'";
    assert_eq!(count(once).await, records, "some record was not done");
    let done = count("SELECT count(*) FROM audit WHERE state = 'done'").await;
    assert_eq!(done, records, "some record was done twice");
    let late = count("SELECT count(*) FROM audit WHERE fence IS DISTINCT FROM in_force").await;
    assert_eq!(late, 0, "some write was late");
    println!("{records} records, {killed} kills, {frozen} freezes");
}

/// Records in the table, and files for them: a few, under as many names as it takes.
struct Queue {
    dir: TempDir,
    pool: PgPool,
    records: usize,
}

impl Queue {
    fn new(pool: PgPool) -> Self {
        let dir = TempDir::new().unwrap();
        let files = dir.path().join("files");
        std::fs::create_dir(&files).unwrap();
        std::fs::create_dir(dir.path().join("empty")).unwrap();
        for at in 0..CHUNK {
            std::fs::write(files.join(at.to_string()), vec![b'x'; at % 97]).unwrap();
        }
        Self {
            dir,
            pool,
            records: 0,
        }
    }

    async fn add(&mut self) {
        let name = self.dir.path().join(format!("files-{}", self.records));
        symlink(self.dir.path().join("files"), &name).unwrap();
        sqlx::query(
            "INSERT INTO records (job, path)
             SELECT 'process_queue', convert_to($1 || '/' || at, 'UTF8')
             FROM generate_series(0, $2 - 1) AS at",
        )
        .bind(name.to_str().unwrap())
        .bind(CHUNK as i32)
        .execute(&self.pool)
        .await
        .unwrap();
        self.records += CHUNK;
    }
}

/// The nodes, what happens to them, and their supervisor.
struct Cluster<'a> {
    dir: PathBuf,
    url: &'a str,
    nodes: Vec<Option<Node>>,
    next_fault: Instant,
    killed: usize,
    frozen: usize,
}

struct Node {
    child: Child,
    frozen_until: Option<Instant>,
}

impl<'a> Cluster<'a> {
    fn new(endpoint: &str, url: &'a str, dir: &Path) -> Self {
        let source = dir.join("empty");
        let text = format!(
            "etcd: {{ endpoints: [{endpoint:?}], lease_ttl: 5s }}\njobs:\n  process_queue:\n    class: ProcessQueue\n    \
             workers: 8\n    idle: {{ min: 10ms, max: 100ms }}\n    \
             options: {{ source: {source:?}, batch_size: 64, write_size: 16 }}\n"
        );
        std::fs::write(dir.join("config.yml"), text).unwrap();
        Self {
            dir: dir.to_owned(),
            url,
            nodes: (0..NODES).map(|_| None).collect(),
            next_fault: Instant::now() + FAULT_EVERY,
            killed: 0,
            frozen: 0,
        }
    }

    fn start(&mut self, at: usize) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log(at))
            .unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_process_queue"))
            .args(["run", "config.yml", "--node-name", &format!("n{at}")])
            .current_dir(&self.dir)
            .env("DATABASE_URL", self.url)
            .env("XDG_STATE_HOME", &self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap();
        self.nodes[at] = Some(Node {
            child,
            frozen_until: None,
        });
    }

    fn has_faults(&self) -> bool {
        self.killed >= FAULTS && self.frozen >= FAULTS
    }

    /// Wakes who was frozen long enough, starts who has ended, and does the next harm in its time.
    fn go_on(&mut self) {
        for at in 0..NODES {
            let node = self.nodes[at].as_mut().unwrap();
            if node
                .frozen_until
                .is_some_and(|until| until < Instant::now())
            {
                node.signal_both(Signal::CONT);
                node.frozen_until = None;
            }
            if node.child.try_wait().unwrap().is_some() {
                self.start(at);
            }
        }
        if self.next_fault > Instant::now() {
            return;
        }
        self.next_fault += FAULT_EVERY;
        let node = self.nodes[fastrand::usize(..NODES)].as_mut().unwrap();
        if self.killed < self.frozen || node.frozen_until.is_some() {
            match self.killed % 2 {
                0 => node.signal_both(Signal::KILL),
                _ => node.signal(Signal::KILL),
            }
            self.killed += 1;
        } else {
            node.signal_both(Signal::STOP);
            node.frozen_until = Some(Instant::now() + FREEZE);
            self.frozen += 1;
        }
    }

    /// Ends all nodes in order. One that was frozen for too long may have given up before.
    fn drain(&mut self) {
        for node in self.nodes.iter().flatten() {
            node.signal_both(Signal::CONT);
            node.signal(Signal::TERM);
        }
        for at in 0..NODES {
            self.nodes[at].take().unwrap().child.wait().unwrap();
        }
    }

    fn log(&self, at: usize) -> PathBuf {
        self.dir.join(format!("n{at}.log"))
    }

    /// The last lines of each.
    fn logs(&self) -> String {
        let mut text = String::new();
        for at in 0..NODES {
            let log = std::fs::read_to_string(self.log(at)).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(15)..].join("\n");
            text.push_str(&format!("--- n{at}\n{last}\n"));
        }
        text
    }
}

impl Node {
    /// To the guardian. A process that ended meanwhile is no error.
    fn signal(&self, signal: Signal) {
        let _ = kill_process(self.pid(), signal);
    }

    /// To guardian and worker process. As above.
    fn signal_both(&self, signal: Signal) {
        let _ = kill_process_group(self.pid(), signal);
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.signal_both(Signal::KILL);
        let _ = self.child.wait();
    }
}
