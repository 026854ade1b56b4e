//! A follower misses nothing, whatever is written between its snapshot and its watch.

use super::*;
use crate::coordination::by_hand::etcd_over;
use crate::embedded::{EmbeddedEtcd, EmbeddedOptions};

const WRITES: u32 = 200;

#[tokio::test(start_paused = true)]
async fn nothing_written_between_the_snapshot_and_the_watch_is_missed() {
    let embedded = EmbeddedEtcd::in_memory(EmbeddedOptions::default());
    let etcd = etcd_over(embedded.channel()).await;
    let range = Range {
        from: b"/k/".to_vec(),
        to: b"/k0".to_vec(),
    };
    let mut followers = Vec::new();
    for number in 1..=WRITES {
        etcd.put("/k/x".to_owned(), &number, 0).await;
        // Each of them reads and opens its watch while the writing goes on.
        let follower = Follower::start(etcd_over(embedded.channel()).await, range.clone());
        followers.push((number, follower));
    }
    for (started, mut follower) in followers {
        let mut seen = 0;
        while seen < WRITES {
            let feed = tokio::time::timeout(Duration::from_secs(60), follower.next());
            let Ok(Some(feed)) = feed.await else {
                panic!("the follower that began at {started} saw {seen} last");
            };
            for number in numbers(feed) {
                assert!(
                    seen == 0 || number == seen + 1,
                    "after {seen} came {number}, for the one that began at {started}"
                );
                seen = number;
            }
        }
    }
}

fn numbers(feed: Feed) -> Vec<u32> {
    let entries = match feed {
        Feed::Snapshot { entries, .. } => entries,
        Feed::Changes { changes } => changes
            .into_iter()
            .filter_map(|change| match change {
                Change::Put(entry) => Some(entry),
                Change::Delete { .. } => None,
            })
            .collect(),
    };
    let number = |entry: Entry| serde_json::from_slice(&entry.value).unwrap();
    entries.into_iter().map(number).collect()
}
