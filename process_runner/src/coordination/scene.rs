//! A cluster made by hand on an embedded etcd, for tests: members, slots and plans without nodes.

use std::collections::BTreeMap;
use std::time::Duration;

use etcd_client::{Client, PutOptions, Txn, TxnOp};

use super::connect::to_hosted;
use super::keys::Keys;
use super::records::{
    ConfigRecord, JobRecord, LeaderRecord, LedgerRecord, LedgerState, MemberRecord, NoteRecord,
    Order, OverrideRecord, PlanRecord, SlotRecord, StatusRecord, WorkerRecord, decode, encode,
};
use super::session::positive_random;
use super::{ClusterSnapshot, Etcd, Indexes, Recipient, RequestCount, read_cluster};
use crate::embedded::{EmbeddedEtcd, EmbeddedOptions, Link};
use crate::model::Slot;

pub(crate) const PREFIX: &str = "/scene";
const TTL: Duration = Duration::from_secs(3600);

/// The cluster.
pub(crate) struct Scene {
    pub(crate) server: EmbeddedEtcd,
    pub(crate) etcd: Etcd,
    pub(crate) keys: Keys,
    /// Of `etcd`.
    pub(crate) requests: RequestCount,
    /// Of each member.
    leases: BTreeMap<String, i64>,
}

pub(crate) fn job(workers: u32) -> JobRecord {
    JobRecord {
        class: "Work".into(),
        workers,
        max_per_node: None,
        labels: BTreeMap::new(),
    }
}

pub(crate) fn member(node: &str) -> MemberRecord {
    MemberRecord {
        incarnation: format!("i-{node}"),
        lease: 0,
        host: "h".into(),
        pid: 1,
        state: "up".into(),
        capacity: None,
        weight: 1,
        zone: None,
        labels: BTreeMap::new(),
        classes: vec![],
        config: "c1".into(),
        loaded_at: 0,
        version: "0.1.0".into(),
        done: BTreeMap::new(),
        crashes: 0,
    }
}

pub(crate) fn worker(job: &str, index: u32, state: &str, reason: Option<&str>) -> WorkerRecord {
    WorkerRecord {
        job: job.into(),
        index,
        fence: 0,
        state: state.into(),
        phase: None,
        reason: reason.map(str::to_owned),
        delayed_until_unix_ms: None,
        since_progress_ms: None,
        iterations: None,
        // Counters, as a node publishes them while somebody looks.
        records: Some(1),
        errors: Some(0),
    }
}

pub(crate) fn indexes(
    job: &str,
    indexes: impl IntoIterator<Item = u32>,
) -> BTreeMap<String, Indexes> {
    BTreeMap::from([(job.to_owned(), indexes.into_iter().collect())])
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let server = EmbeddedEtcd::in_memory(EmbeddedOptions::default());
        let requests = RequestCount::default();
        let connection = to_hosted(&server, PREFIX, TTL, &requests).await.unwrap();
        Self {
            requests,
            etcd: connection.etcd.clone(),
            keys: connection.keys.clone(),
            server,
            leases: BTreeMap::new(),
        }
    }

    /// A scene in which a job `work` with `workers` workers is declared by these nodes.
    pub(crate) async fn with(workers: u32, nodes: &[&str]) -> Self {
        let mut scene = Self::new().await;
        scene.config("c1", [("work", job(workers))]).await;
        for node in nodes {
            scene.join(node, member(node)).await;
        }
        scene
    }

    /// A client of its own, which can be disturbed.
    pub(crate) async fn faulty(&self) -> (Etcd, Link) {
        let (etcd, [link]) = self.faulty_members().await;
        (etcd, link)
    }

    /// The same of an etcd of several members, each of which can be disturbed.
    pub(crate) async fn faulty_members<const N: usize>(&self) -> (Etcd, [Link; N]) {
        let ways: [_; N] = std::array::from_fn(|_| self.server.faulty_channel());
        let mut members = Vec::new();
        for (channel, _) in &ways {
            let client = Client::from_channel(channel.clone(), None).await.unwrap();
            members.push(("the scene".to_owned(), client));
        }
        let etcd = Etcd::new(members, RequestCount::default());
        (etcd, ways.map(|(_, link)| link))
    }

    pub(crate) async fn put(&self, key: String, value: Vec<u8>, lease: i64) {
        let options = PutOptions::new().with_lease(lease);
        let txn = Txn::new().and_then([TxnOp::put(key, value, Some(options))]);
        self.etcd.txn(txn).await.unwrap();
    }

    pub(crate) async fn delete(&self, key: &[u8]) {
        let txn = Txn::new().and_then([TxnOp::delete(key, None)]);
        self.etcd.txn(txn).await.unwrap();
    }

    pub(crate) async fn config<const N: usize>(&self, hash: &str, jobs: [(&str, JobRecord); N]) {
        let jobs = jobs.map(|(name, job)| (name.to_owned(), job));
        let record = ConfigRecord { jobs: jobs.into() };
        self.put(self.keys.config(hash), encode(&record), 0).await;
    }

    /// Registers a node; its record may say anything but the lease.
    pub(crate) async fn join(&mut self, node: &str, mut record: MemberRecord) {
        let lease = positive_random();
        self.etcd.grant(TTL, lease).await.unwrap();
        record.lease = lease;
        self.leases.insert(node.to_owned(), lease);
        self.put(self.keys.member(node), encode(&record), lease)
            .await;
    }

    /// The lease of a node that joined.
    pub(crate) fn lease(&self, node: &str) -> i64 {
        self.leases[node]
    }

    /// Ends a node: everything of it goes in one revision.
    pub(crate) async fn leave(&mut self, node: &str) {
        self.etcd.revoke(self.leases[node]).await.unwrap();
    }

    pub(crate) async fn lead(&self, node: &str) {
        let record = LeaderRecord {
            node: node.into(),
            incarnation: format!("i-{node}"),
        };
        let lease = self.leases[node];
        self.put(self.keys.leader(), encode(&record), lease).await;
    }

    pub(crate) async fn plan(&self, node: &str, slots: BTreeMap<String, Indexes>) {
        let record = PlanRecord {
            incarnation: format!("i-{node}"),
            ordered: Order {
                term: 1,
                generation: 2,
            },
            slots,
            ..PlanRecord::default()
        };
        let lease = self.leases[node];
        self.put(self.keys.plan(node), encode(&record), lease).await;
    }

    pub(crate) async fn own(&self, node: &str, index: u32) {
        let slot = Slot::new("work", index);
        let record = SlotRecord {
            owner: node.into(),
            incarnation: format!("i-{node}"),
            nonce: "0".into(),
            ordered: Order::default(),
            retiring: false,
        };
        self.put(self.keys.slot(&slot), encode(&record), self.leases[node])
            .await;
        let ledger = LedgerRecord {
            state: LedgerState::Held,
            owner: node.into(),
        };
        self.put(self.keys.fence(&slot), encode(&ledger), 0).await;
    }

    pub(crate) async fn report(&self, node: &str, workers: Vec<WorkerRecord>) {
        let record = StatusRecord {
            workers,
            ..StatusRecord::default()
        };
        self.report_all(node, record).await;
    }

    /// Reports for the process that runs now, unless the record names another one.
    pub(crate) async fn report_all(&self, node: &str, mut record: StatusRecord) {
        if record.incarnation.is_empty() {
            record.incarnation = format!("i-{node}");
        }
        let lease = self.leases[node];
        self.put(self.keys.status(node), encode(&record), lease)
            .await;
    }

    pub(crate) async fn set(&self, job: &str, record: &OverrideRecord) {
        self.put(self.keys.job(job), encode(record), 0).await;
    }

    pub(crate) async fn snapshot(&self) -> ClusterSnapshot {
        read_cluster(&self.etcd, &self.keys).await.unwrap()
    }

    /// What stands under `jobs/<job>`.
    pub(crate) async fn override_of(&self, job: &str) -> Option<OverrideRecord> {
        self.snapshot().await.overrides.remove(job)
    }

    pub(crate) async fn recipient(&self, node: &str) -> Recipient {
        let snapshot = self.snapshot().await;
        let member = &snapshot.members[node];
        Recipient {
            node: node.into(),
            lease: member.record.lease,
            member_created: member.create_revision,
        }
    }

    /// The first note that arrives in the inbox of a node, with its key. It stays there.
    pub(crate) async fn note(&self, node: &str) -> (Vec<u8>, NoteRecord) {
        loop {
            let found = self.etcd.range(&self.keys.inbox(node)).await.unwrap();
            let mut kvs = found.kvs().iter();
            if let Some(kv) = kvs.find(|kv| self.keys.parse_plan(kv.key()).is_none()) {
                return (kv.key().to_vec(), decode("note", kv.value()).unwrap());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Obeys the next note to a node, as nodes do: reads it and deletes it.
    pub(crate) async fn acknowledge(&self, node: &str) -> NoteRecord {
        let (key, note) = self.note(node).await;
        self.delete(&key).await;
        note
    }

    /// The notes that wait in all inboxes.
    pub(crate) async fn notes(&self) -> usize {
        let found = self.etcd.range(&self.keys.inboxes()).await.unwrap();
        let plans = |kv: &&etcd_client::KeyValue| self.keys.parse_plan(kv.key()).is_none();
        found.kvs().iter().filter(plans).count()
    }
}
