//! A cluster in one test: an embedded etcd, its nodes, and what stands in the store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::nodes::{Node, Spec};
use crate::coordination::{
    ClusterSnapshot, ConfigRecord, Etcd, Follower, Keys, PlanRecord, StoredPlan, etcd_at,
    etcd_over, read_cluster,
};
use crate::embedded::{EmbeddedEtcd, EmbeddedOptions, Link};
use crate::model::Slot;

/// A store and how to look into it.
pub(in crate::runtime::leader) struct Cluster {
    store: Store,
    pub(in crate::runtime::leader) etcd: Etcd,
    pub(in crate::runtime::leader) keys: Keys,
}

enum Store {
    Embedded(EmbeddedEtcd),
    Real(tests::etcd::Etcd),
}

/// What stands in the store.
pub(in crate::runtime::leader) struct State {
    pub(in crate::runtime::leader) cluster: ClusterSnapshot,
    pub(in crate::runtime::leader) plans: BTreeMap<Arc<str>, StoredPlan>,
    /// The names of those who hold the posts.
    pub(in crate::runtime::leader) leader: Option<String>,
    pub(in crate::runtime::leader) standby: Option<String>,
}

impl Cluster {
    pub(in crate::runtime::leader) async fn new() -> Self {
        let embedded = EmbeddedEtcd::in_memory(EmbeddedOptions::default());
        Self {
            etcd: etcd_over(embedded.channel()).await,
            keys: Keys::new("/p"),
            store: Store::Embedded(embedded),
        }
    }

    /// On an etcd of this version, in real time.
    pub(in crate::runtime::leader) async fn on_real_etcd(version: tests::etcd::Version) -> Self {
        let real = tests::etcd::Etcd::start(version).unwrap();
        Self {
            etcd: etcd_at(real.endpoint()).await,
            keys: Keys::new("/p"),
            store: Store::Real(real),
        }
    }

    /// A way to the store for one node, with its own faults if the store can have any.
    pub(in crate::runtime::leader) async fn connect(&self) -> (Etcd, Option<Link>) {
        match &self.store {
            Store::Embedded(embedded) => {
                let (channel, link) = embedded.faulty_channel();
                (etcd_over(channel).await, Some(link))
            }
            Store::Real(real) => (etcd_at(real.endpoint()).await, None),
        }
    }

    /// A node that declares `jobs`, takes part in leading and does what it is told.
    pub(in crate::runtime::leader) async fn node(&self, name: &str, jobs: &[(&str, u32)]) -> Node {
        Node::start(self, Spec::new(name, jobs)).await
    }

    /// So many of them, one after the other.
    pub(in crate::runtime::leader) async fn nodes(
        &self,
        count: usize,
        jobs: &[(&str, u32)],
    ) -> Vec<Node> {
        let mut nodes = Vec::new();
        for node in 0..count {
            nodes.push(self.node(&format!("n{node:03}"), jobs).await);
        }
        nodes
    }

    pub(in crate::runtime::leader) async fn state(&self) -> State {
        let inboxes = self.etcd.range(&self.keys.inboxes()).await.unwrap();
        let plans = inboxes.kvs().iter().filter_map(|kv| {
            let node = self.keys.parse_plan(kv.key())?;
            let record: PlanRecord = serde_json::from_slice(kv.value()).unwrap();
            let revision = kv.mod_revision();
            Some((node.into(), StoredPlan { record, revision }))
        });
        State {
            plans: plans.collect(),
            cluster: read_cluster(&self.etcd, &self.keys).await.unwrap(),
            leader: self.post(self.keys.leader()).await,
            standby: self.post(self.keys.standby()).await,
        }
    }

    async fn post(&self, key: String) -> Option<String> {
        let read = self.etcd.range(&self.keys.only(key)).await.unwrap();
        let value: serde_json::Value = serde_json::from_slice(read.kvs().first()?.value()).unwrap();
        Some(value["node"].as_str()?.to_owned())
    }

    /// Waits until `wanted` holds, looking again after each change in the store.
    pub(in crate::runtime::leader) async fn until(
        &self,
        what: &str,
        wanted: impl Fn(&State) -> bool,
    ) -> State {
        let mut changes = Follower::start(self.etcd.clone(), self.keys.everything());
        loop {
            // Whatever came meanwhile is in the state that is read now.
            if timeout(Duration::from_secs(300), changes.next())
                .await
                .is_err()
            {
                panic!("in vain until {what}: {}", self.state().await);
            }
            let state = self.state().await;
            if wanted(&state) {
                return state;
            }
        }
    }

    pub(in crate::runtime::leader) async fn revision(&self) -> i64 {
        self.etcd.revision(&self.keys).await
    }
}

impl State {
    /// Who holds what.
    pub(in crate::runtime::leader) fn owners(&self) -> BTreeMap<Slot, String> {
        let slots = self.cluster.slots.iter();
        slots
            .map(|(s, o)| (s.clone(), o.record.owner.clone()))
            .collect()
    }

    /// How many slots each living node holds.
    pub(in crate::runtime::leader) fn counts(&self) -> BTreeMap<&str, usize> {
        let members = self.cluster.members.keys();
        let mut counts: BTreeMap<&str, usize> = members.map(|name| (&**name, 0)).collect();
        for owned in self.cluster.slots.values() {
            *counts.entry(&owned.record.owner).or_default() += 1;
        }
        counts
    }

    /// All of `slots` slots are held, by nodes that may hold them, evenly.
    pub(in crate::runtime::leader) fn is_even(&self, slots: usize) -> bool {
        let counts = self.counts();
        let most = counts.values().max().copied().unwrap_or(0);
        let least = counts.values().min().copied().unwrap_or(0);
        self.cluster.slots.len() == slots && most - least <= 1
    }

    /// How many slots have another owner than before.
    pub(in crate::runtime::leader) fn moved_since(&self, before: &BTreeMap<Slot, String>) -> usize {
        let owners = self.owners();
        before
            .iter()
            .filter(|(slot, owner)| owners.get(slot) != Some(owner))
            .count()
    }

    pub(in crate::runtime::leader) fn holds(&self, node: &str) -> usize {
        self.counts().get(node).copied().unwrap_or(0)
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "leader {:?}, standby {:?}", self.leader, self.standby)?;
        writeln!(f, "held {:?}", self.counts())?;
        for (node, plan) in &self.plans {
            writeln!(f, "{node}: {:?}", plan.record)?;
        }
        Ok(())
    }
}

/// A configuration with these jobs.
pub(in crate::runtime::leader) fn config(jobs: &[(&str, u32)]) -> ConfigRecord {
    let jobs: serde_json::Map<String, serde_json::Value> = jobs
        .iter()
        .map(|(job, workers)| {
            let record = serde_json::json!({"class": "C", "workers": workers});
            ((*job).to_owned(), record)
        })
        .collect();
    serde_json::from_value(serde_json::json!({ "jobs": jobs })).unwrap()
}
