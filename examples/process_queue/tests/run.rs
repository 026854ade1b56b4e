//! The whole example, as a program: real processes, real files, both stores.

#![allow(clippy::unwrap_used, reason = "a test that fails should say where")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use process_queue::digest::Digest;
use process_queue::store::{Progress, Store};
use tempfile::TempDir;
use tests::postgres::Postgres;
use tests::program::Program;

/// A tree of files, a configuration that names it, and a place for the embedded etcd.
struct Setting {
    dir: TempDir,
    url: String,
}

impl Setting {
    fn new(files: usize, url: Option<String>) -> Self {
        let dir = TempDir::new().unwrap();
        let tree = dir.path().join("tree");
        for at in 0..files {
            let sub = tree.join(format!("d{}", at % 7));
            std::fs::create_dir_all(&sub).unwrap();
            std::fs::write(sub.join(format!("file {at}")), vec![b'x'; at * 31]).unwrap();
        }
        let text = format!(
            "etcd: {{ embedded: true, lease_ttl: 5s }}\njobs:\n  process_queue:\n    class: ProcessQueue\n    workers: 4\n    \
             options: {{ source: {:?}, batch_size: 16, write_size: 8 }}\n",
            tree.display().to_string()
        );
        std::fs::write(dir.path().join("config.yml"), text).unwrap();
        let own = format!("sqlite:{}", dir.path().join("queue.db").display());
        Self {
            url: url.unwrap_or(own),
            dir,
        }
    }

    fn tree(&self) -> std::path::PathBuf {
        self.dir.path().join("tree")
    }

    async fn store(&self) -> Store {
        Store::open(&self.url).await.unwrap()
    }

    /// Starts a node of its own name, until the queue is empty.
    fn start(&self, node: &str) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_process_queue"));
        command
            .args(["run", "config.yml", "--until-idle", "--node-name", node])
            .current_dir(self.dir.path())
            .env("DATABASE_URL", &self.url)
            .env("XDG_STATE_HOME", self.dir.path());
        Program::start(&mut command).unwrap()
    }

    fn run(&self) -> Vec<String> {
        self.start("a").finish().unwrap().success().unwrap()
    }
}

/// Every result is the checksum of the file that it names.
async fn check_results(store: &Store) {
    for (path, result) in store.finished().await.unwrap() {
        if let Ok(digest) = result {
            assert_eq!(
                digest,
                Digest::of_file(&path, || ()).await.unwrap(),
                "{}",
                path.display()
            );
        }
    }
}

fn done(count: u64, failed: u64) -> impl Fn(Progress) -> bool {
    move |p| (p.pending, p.locked, p.done, p.failed) == (0, 0, count, failed)
}

#[tokio::test]
async fn every_file_is_hashed_and_a_second_start_does_what_is_new() {
    let setting = Setting::new(100, None);
    setting.run();
    let store = setting.store().await;
    let progress = store.progress().await.unwrap();
    assert!(done(100, 0)(progress), "{progress:?}");
    check_results(&store).await;

    std::fs::write(setting.tree().join("new"), "new").unwrap();
    setting.run();
    let progress = store.progress().await.unwrap();
    assert!(done(101, 0)(progress), "{progress:?}");
}

#[tokio::test]
async fn a_file_that_is_gone_is_marked_and_the_others_go_on() {
    let setting = Setting::new(20, None);
    let store = setting.store().await;
    store
        .fill_once("process_queue", &setting.tree())
        .await
        .unwrap();
    let gone = setting.tree().join("d3/file 10");
    std::fs::remove_file(&gone).unwrap();

    setting.run();
    let progress = store.progress().await.unwrap();
    assert!(done(19, 1)(progress), "{progress:?}");
    let finished = store.finished().await.unwrap();
    let (path, reason) = finished.iter().find(|(_, result)| result.is_err()).unwrap();
    assert_eq!(*path, gone);
    let reason = reason.as_ref().unwrap_err();
    assert!(reason.contains("No such file"), "{reason}");
}

/// Killed at random moments, as often as `PR_KILLS` says: what was locked is done by the next
/// holder, once the dead node's lease has run out.
#[tokio::test]
async fn nothing_is_lost_however_often_the_process_is_killed() {
    let kills = std::env::var("PR_KILLS").map_or(2, |kills| kills.parse().unwrap());
    let files = 1500 + 500 * kills;
    let setting = Setting::new(files, None);
    for kill in 0..kills {
        let mut killed = setting.start("a");
        killed
            .wait_for(|line| line.contains("worker starts"))
            .unwrap();
        // The moment itself is what is tested: anywhere in filling, locking, hashing, unlocking.
        std::thread::sleep(Duration::from_millis(fastrand::u64(0..150)));
        drop(killed);
        let left = setting.store().await.progress().await.unwrap();
        assert!(
            left.done < files as u64,
            "it was too quick for kill {kill}: {left:?}"
        );
    }
    setting.run();
    let store = setting.store().await;
    let progress = store.progress().await.unwrap();
    assert!(done(files as u64, 0)(progress), "{progress:?}");
    check_results(&store).await;
}

#[tokio::test]
async fn two_nodes_share_a_queue_in_postgres() {
    let server = Postgres::start().unwrap();
    let setting = Setting::new(300, Some(server.database("queue").unwrap()));
    let nodes = [setting.start("a"), setting.start("b")];
    for node in nodes {
        node.finish().unwrap().success().unwrap();
    }
    let store = setting.store().await;
    let progress = store.progress().await.unwrap();
    assert!(done(300, 0)(progress), "{progress:?}");
    check_results(&store).await;
}

#[test]
fn the_example_s_own_configuration_is_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_process_queue"));
    command.arg("validate").arg(root.join("config.yml"));
    let lines = Program::start(&mut command)
        .unwrap()
        .finish()
        .unwrap()
        .success()
        .unwrap();
    assert!(
        lines.contains(&"ok: 1 job, 4 workers".to_owned()),
        "{lines:?}"
    );
}
