//! Everybody outside the cluster, in a process of their own: the operator, who steers it and
//! tampers with it, and the observer, who follows the store's history of `slots/`.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use etcd_client::{Client, EventType, WatchOptions};
use process_runner::cluster::{Cluster, Workers};
use process_runner::embedded::EmbeddedEtcd;
use serde_json::Value;
use tests::history::What;
use tokio::task::JoinHandle;

use super::peer::Peer;
use super::trace::{Pen, Trace};

const PREFIX: &str = "/process_runner/default";
const SLOTS: &str = "/process_runner/default/slots/";

pub(crate) struct Outside {
    pub(crate) peer: Peer,
    etcd: EmbeddedEtcd,
    trace: Trace,
    owners: Owners,
    /// What the operator does at present.
    operator: Cell<Option<JoinHandle<()>>>,
}

/// Which node has each slot, by the store's history.
pub(crate) type Owners = Arc<Mutex<BTreeMap<String, String>>>;

impl Outside {
    /// Begins to observe.
    pub(crate) fn new(etcd: &EmbeddedEtcd, trace: &Trace, now: Duration, slack: Duration) -> Self {
        let peer = Peer::new(now, slack);
        let owners = Owners::default();
        let observer = observe(etcd.clone(), trace.pen(peer.time()), owners.clone());
        drop(peer.spawn(observer));
        Self {
            peer,
            etcd: etcd.clone(),
            trace: trace.clone(),
            owners,
            operator: Cell::default(),
        }
    }

    pub(crate) fn owners(&self) -> BTreeMap<String, String> {
        self.owners.lock().unwrap().clone()
    }

    /// Asks for so many workers; a cluster that does not answer is not asked again.
    pub(crate) fn scale(&self, job: &'static str, workers: u32) {
        self.operate(async move |cluster: Cluster| {
            // An etcd that is out of order refuses: then it is as if nobody had asked.
            let _ = cluster.scale(job, Workers::To(workers)).await;
        });
    }

    pub(crate) fn pause_job(&self, job: &'static str, pause: bool) {
        self.operate(async move |cluster: Cluster| {
            // As above.
            let _ = match pause {
                true => cluster.pause(job, None, None).await,
                false => cluster.resume(job).await,
            };
        });
    }

    /// Takes back what was asked of a job, until it is done.
    pub(crate) fn reset(&self, job: &'static str) {
        self.operate(async move |cluster: Cluster| {
            while cluster.scale(job, Workers::Reset).await.is_err()
                || cluster.resume(job).await.is_err()
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
    }

    /// There is one operator, who does one thing after another: what was asked for while etcd did not
    /// answer does not overtake what takes it back.
    fn operate<F>(&self, what: impl FnOnce(Cluster) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let etcd = self.etcd.clone();
        let before = self.operator.take();
        let task = self.peer.spawn(async move {
            if let Some(before) = before {
                before.await.unwrap();
            }
            what(Cluster::on_embedded(&etcd, PREFIX).await.unwrap()).await;
        });
        self.operator.set(Some(task));
    }

    /// Deletes a slot's key under its owner's feet.
    pub(crate) fn delete_slot(&self, slot: String) {
        let (etcd, pen) = (self.etcd.clone(), self.trace.pen(self.peer.time()));
        self.peer.spawn(async move {
            let mut client = client(&etcd).await;
            let key = format!("{SLOTS}{}", slot.replace('@', "/"));
            pen.write(What::SlotTampered { slot });
            // An etcd that does not answer deletes nothing, or later.
            let _ = client.delete(key, None).await;
        });
    }

    /// Revokes the lease of a node that lives.
    pub(crate) fn revoke_lease(&self, node: String, process: String) {
        let (etcd, pen) = (self.etcd.clone(), self.trace.pen(self.peer.time()));
        self.peer.spawn(async move {
            let mut client = client(&etcd).await;
            let key = format!("{PREFIX}/members/{node}");
            let Ok(found) = client.get(key, None).await else {
                return;
            };
            let Some(member) = found.kvs().first() else {
                return;
            };
            pen.write(What::LeaseTampered { process });
            // As above.
            let _ = client.lease_revoke(member.lease()).await;
        });
    }
}

async fn client(etcd: &EmbeddedEtcd) -> Client {
    Client::from_channel(etcd.channel(), None).await.unwrap()
}

/// Writes down every change of a slot's key, from the first revision on.
async fn observe(etcd: EmbeddedEtcd, pen: Pen, owners: Owners) {
    let mut client = client(&etcd).await;
    let options = WatchOptions::new().with_prefix().with_start_revision(1);
    let mut stream = client.watch(SLOTS, Some(options)).await.unwrap();
    while let Ok(Some(answer)) = stream.message().await {
        assert!(!answer.canceled(), "the observer missed something");
        for event in answer.events() {
            let kv = event.kv().unwrap();
            let key = kv.key_str().unwrap().strip_prefix(SLOTS).unwrap();
            let slot = key.replace('/', "@");
            let what = if event.event_type() == EventType::Put {
                let record: Value = serde_json::from_slice(kv.value()).unwrap();
                let node = record["owner"].as_str().unwrap().to_owned();
                let token = kv.mod_revision() as u64;
                owners.lock().unwrap().insert(slot.clone(), node.clone());
                What::Granted { slot, node, token }
            } else {
                owners.lock().unwrap().remove(&slot);
                What::Freed { slot }
            };
            pen.write(what);
        }
    }
}
