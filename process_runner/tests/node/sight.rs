//! What one sees of a node that has more workers, or more to say of them, than a request to etcd holds.

use std::time::Duration;

use process_runner::NodeEnd;
use process_runner::cluster::{Cluster as Outside, Status};
use process_runner::prelude::*;
use tokio::time::{sleep, timeout};

use super::cluster::Cluster;

/// Waits until it is stopped, or fails with a long text that would steer a terminal.
#[job(lock_driver = "etcd")]
struct Says {
    #[job(default = 0)]
    characters: usize,
}

impl Job for Says {
    type Record = ();

    async fn lock_records(&mut self, cx: &WorkerContext) -> JobResult<Vec<()>> {
        if self.characters > 0 {
            let text = "x".repeat(self.characters);
            return Err(format!("first\n\u{1b}[2J{text} last").into());
        }
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

/// Looks until it is as awaited.
async fn look(cluster: &Cluster, is_it: impl Fn(&Status) -> bool) -> Status {
    let outside = Outside::on_embedded(&cluster.etcd, "/process_runner/default");
    let outside = outside.await.unwrap();
    let looking = async {
        loop {
            let status = outside.status().await.unwrap();
            if is_it(&status) {
                return status;
            }
            sleep(Duration::from_secs(1)).await;
        }
    };
    let seen = timeout(Duration::from_secs(60), looking).await;
    match seen {
        Ok(status) => status,
        Err(_) => {
            let status = outside.status().await.unwrap();
            panic!("{} run; {:?}", status.running, status.slots[0])
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_with_very_many_workers_reports_all_of_them() {
    // With a long name few workers are many.
    let job = format!(
        "  {}: {{ class: Says, workers: 15000 }}\n",
        "work".repeat(25)
    );
    let cluster = Cluster::new();
    let node = cluster.start("a", &job);
    look(&cluster, |status| status.running == 15_000).await;
    assert_eq!(node.stop().await, NodeEnd::Clean);
}

#[tokio::test(start_paused = true)]
async fn many_workers_that_fail_at_length_say_why_on_one_line_each() {
    let cluster = Cluster::new();
    let job = "  work: { class: Says, workers: 500, options: { characters: 5000 } }\n";
    let node = cluster.start("a", job);
    let failing = |status: &Status| {
        let mut slots = status.slots.iter();
        slots.all(|slot| ["backing_off", "crash_looping"].contains(&slot.state.as_str()))
    };
    let status = look(&cluster, failing).await;
    for slot in &status.slots {
        let reason = slot.reason.as_deref().unwrap_or_default();
        assert!(
            reason.starts_with("lock_records: first \\u{1b}[2Jxxx"),
            "{reason}"
        );
        assert!(reason.contains("xxx last (failure "), "{reason}");
        assert!(reason.len() < 1_100 && !reason.contains('\n'), "{reason}");
    }
    assert_eq!(node.stop().await, NodeEnd::Clean);
}
