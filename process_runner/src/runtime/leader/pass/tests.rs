//! Passes at full size, without a store: a thousand nodes, a hundred jobs, a hundred thousand slots.
//! Each step says how long it took; run it optimized to learn something from that.

use std::time::Instant;

use super::*;
use crate::coordination::{Change, ConfigRecord, Entry, Feed, Keys, SlotRecord, StoredPlan};
use crate::model::Slot;
use crate::model::planner::plan;
use crate::runtime::leader::picture::News;

const NODES: usize = 1_000;
const JOBS: usize = 100;
const WORKERS: u32 = 1_000;
const SLOTS: usize = JOBS * WORKERS as usize;

/// Everything that a leader knows.
struct Desktop {
    keys: Keys,
    picture: Picture,
    configs: BTreeMap<String, StoredConfig>,
    turnover: Turnover,
    term: Term,
    now: Moment,
    revision: i64,
}

impl Desktop {
    fn new() -> Self {
        let jobs: serde_json::Map<_, _> = (0..JOBS)
            .map(|job| {
                let record = serde_json::json!({"class": "C", "workers": WORKERS});
                (format!("job{job:03}"), record)
            })
            .collect();
        let record: ConfigRecord =
            serde_json::from_value(serde_json::json!({ "jobs": jobs })).unwrap();
        let now = Moment::ZERO + std::time::Duration::from_secs(1000);
        Self {
            keys: Keys::new("/p"),
            picture: Picture::default(),
            configs: [(
                "c".to_owned(),
                StoredConfig {
                    record,
                    revision: 1,
                },
            )]
            .into(),
            turnover: Turnover::new(std::time::Duration::from_secs(10)),
            term: Term::new(1, now),
            now,
            revision: 1,
        }
    }

    fn entry<T: serde::Serialize>(&mut self, key: String, value: &T) -> Entry {
        self.revision += 1;
        Entry {
            key: key.into_bytes(),
            value: serde_json::to_vec(value).unwrap(),
            create_revision: self.revision,
            mod_revision: self.revision,
        }
    }

    fn member(&mut self, node: usize) -> Entry {
        let name = format!("node{node:04}");
        let member = serde_json::json!({
            "incarnation": format!("{node:032x}"), "lease": node + 1, "host": "h", "pid": 1,
            "state": "up", "capacity": null, "config": "c", "loaded_at": 1,
        });
        self.entry(self.keys.member(&name), &member)
    }

    fn told(&mut self, entries: Vec<Entry>) {
        let changes = entries.into_iter().map(Change::Put).collect();
        for news in self.picture.apply(&self.keys, Feed::Changes { changes }) {
            if let News::Joined { incarnation, .. } = news {
                self.turnover.joined(incarnation, 0, self.now);
            }
        }
    }

    /// Plans, and carries out what comes of it as etcd and the nodes would.
    fn pass(&mut self, what: &str) -> Orders {
        let began = Instant::now();
        let desk = Desk {
            picture: &self.picture,
            configs: &self.configs,
            turnover: &self.turnover,
            now: self.now,
            unix_ms: 0,
        };
        let pass = pass(&desk, &mut self.term, plan).unwrap();
        println!("{what}: {:?}", began.elapsed());
        self.term.planned = pass.planned;
        let orders = pass.orders;
        for write in &orders.plans {
            let stored = StoredPlan {
                record: write.record.clone(),
                revision: 1,
            };
            self.term.note(Arc::clone(&write.node), Some(stored));
        }
        let slots = owners_after(&orders)
            .into_iter()
            .map(|(slot, owner, incarnation)| {
                let record = SlotRecord {
                    owner,
                    incarnation,
                    nonce: String::new(),
                    ordered: self.term.order(),
                    retiring: false,
                };
                self.entry(self.keys.slot(&slot), &record)
            })
            .collect();
        self.told(slots);
        orders
    }
}

/// Who holds what once the orders were followed: the owner's name and incarnation.
fn owners_after(orders: &Orders) -> Vec<(Slot, String, String)> {
    let mut owners = Vec::new();
    for grant in &orders.grants {
        for slot in &grant.slots {
            let owner = (grant.node.to_string(), grant.incarnation.to_string());
            owners.push((slot.clone(), owner.0, owner.1));
        }
    }
    for (to, destination) in orders.plans.iter().flat_map(|plan| &plan.record.leaving) {
        for (job, indexes) in &destination.slots {
            for index in indexes.iter() {
                let slot = Slot::new(job.as_str(), index);
                owners.push((slot, to.clone(), destination.incarnation.clone()));
            }
        }
    }
    owners
}

#[test]
fn at_full_size_a_planned_cluster_is_left_alone_and_a_join_changes_what_it_must() {
    let mut desk = Desktop::new();
    let members: Vec<_> = (0..NODES).map(|node| desk.member(node)).collect();
    desk.told(members);
    let orders = desk.pass("cold start");
    assert_eq!((orders.plans.len(), orders.granted()), (NODES, SLOTS));

    desk.now = desk.now + std::time::Duration::from_secs(60);
    assert!(desk.pass("at rest").is_empty());

    let newcomer = desk.member(NODES);
    desk.told(vec![newcomer]);
    let orders = desk.pass("a node joined");
    assert_eq!(
        (orders.plans.len(), orders.moves, orders.granted()),
        (1, 0, 0)
    );
    desk.now = desk.now + std::time::Duration::from_secs(2);
    let orders = desk.pass("it has settled");
    let least = SLOTS / (NODES + 1);
    assert_eq!(
        (orders.plans.len(), orders.moves),
        (least + 1, least),
        "the lower bound"
    );
    assert_eq!(
        &*orders.plans[0].node, "node1000",
        "who gains is told first"
    );
    assert!(desk.pass("at rest again").is_empty());
}
