//! One operation of a client, as a value that can be printed and run.

use etcd_client::proto::PbKeyValue;
use etcd_client::{
    AlarmAction, AlarmType, Client, CompactionOptions, Compare, CompareOp, DeleteOptions,
    GetOptions, LeaseGrantOptions, LeaseTimeToLiveOptions, PutOptions, SortOrder, SortTarget, Txn,
    TxnOp, TxnOpResponse,
};

use crate::transcript::{failure, header, key_value, key_values};

#[derive(Debug, Clone, Default)]
pub(crate) struct Put {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) lease: i64,
    pub(crate) prev: bool,
    pub(crate) ignore_value: bool,
    pub(crate) ignore_lease: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Get {
    pub(crate) key: String,
    pub(crate) end: String,
    pub(crate) revision: i64,
    pub(crate) limit: i64,
    pub(crate) sort: Option<(SortTarget, SortOrder)>,
    pub(crate) keys_only: bool,
    pub(crate) count_only: bool,
    pub(crate) mod_revisions: (i64, i64),
    pub(crate) create_revisions: (i64, i64),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Delete {
    pub(crate) key: String,
    pub(crate) end: String,
    pub(crate) prev: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Target {
    Version(i64),
    Create(i64),
    Mod(i64),
    Lease(i64),
    Value(String),
}

#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) key: String,
    pub(crate) end: String,
    pub(crate) op: CompareOp,
    pub(crate) target: Target,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Transaction {
    pub(crate) when: Vec<Condition>,
    pub(crate) then: Vec<Step>,
    pub(crate) otherwise: Vec<Step>,
}

/// One operation of a transaction.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Put(Put),
    Get(Get),
    Delete(Delete),
    Txn(Transaction),
}

#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Put(Put),
    Get(Get),
    Delete(Delete),
    Txn(Transaction),
    Compact { revision: i64, physical: bool },
    Grant { id: i64, ttl: i64 },
    Revoke(i64),
    KeepAlive(i64),
    TimeToLive { id: i64, keys: bool },
    Leases,
    Alarms,
}

impl Put {
    fn options(&self) -> PutOptions {
        let mut options = PutOptions::new().with_lease(self.lease);
        if self.prev {
            options = options.with_prev_key();
        }
        if self.ignore_value {
            options = options.with_ignore_value();
        }
        if self.ignore_lease {
            options = options.with_ignore_lease();
        }
        options
    }
}

impl Get {
    fn options(&self) -> GetOptions {
        let mut options = GetOptions::new()
            .with_range(self.end.clone())
            .with_revision(self.revision)
            .with_limit(self.limit)
            .with_min_mod_revision(self.mod_revisions.0)
            .with_max_mod_revision(self.mod_revisions.1)
            .with_min_create_revision(self.create_revisions.0)
            .with_max_create_revision(self.create_revisions.1);
        if let Some((target, order)) = self.sort {
            options = options.with_sort(target, order);
        }
        if self.keys_only {
            options = options.with_keys_only();
        }
        if self.count_only {
            options = options.with_count_only();
        }
        options
    }
}

impl Delete {
    fn options(&self) -> DeleteOptions {
        let options = DeleteOptions::new().with_range(self.end.clone());
        match self.prev {
            true => options.with_prev_key(),
            false => options,
        }
    }
}

impl Condition {
    fn build(&self) -> Compare {
        let key = self.key.clone();
        let compare = match &self.target {
            Target::Version(version) => Compare::version(key, self.op, *version),
            Target::Create(revision) => Compare::create_revision(key, self.op, *revision),
            Target::Mod(revision) => Compare::mod_revision(key, self.op, *revision),
            Target::Lease(lease) => Compare::lease(key, self.op, *lease),
            Target::Value(value) => Compare::value(key, self.op, value.clone()),
        };
        match self.end.is_empty() {
            true => compare,
            false => compare.with_range(self.end.clone()),
        }
    }
}

impl Transaction {
    fn build(&self) -> Txn {
        let ops = |steps: &[Step]| steps.iter().map(Step::build).collect::<Vec<_>>();
        let conditions: Vec<_> = self.when.iter().map(Condition::build).collect();
        Txn::new()
            .when(conditions)
            .and_then(ops(&self.then))
            .or_else(ops(&self.otherwise))
    }
}

impl Step {
    fn build(&self) -> TxnOp {
        match self {
            Self::Put(put) => TxnOp::put(&*put.key, &*put.value, Some(put.options())),
            Self::Get(get) => TxnOp::get(&*get.key, Some(get.options())),
            Self::Delete(delete) => TxnOp::delete(&*delete.key, Some(delete.options())),
            Self::Txn(txn) => TxnOp::txn(txn.build()),
        }
    }
}

impl Operation {
    /// Runs the operation and writes its reply down.
    pub(crate) async fn run(&self, client: &mut Client) -> String {
        self.reply(client)
            .await
            .unwrap_or_else(|error| failure(&error))
    }

    async fn reply(&self, client: &mut Client) -> Result<String, etcd_client::Error> {
        Ok(match self {
            Self::Put(put) => {
                let key = put.key.clone();
                let reply = client
                    .put(key, put.value.clone(), Some(put.options()))
                    .await?;
                format!(
                    "{} prev={:?}",
                    header(reply.header()),
                    reply.0.prev_kv.as_ref().map(key_value)
                )
            }
            Self::Get(get) => {
                let reply = client.get(get.key.clone(), Some(get.options())).await?;
                let rest = (reply.count(), reply.more(), key_values(&reply.0.kvs));
                format!("{} {rest:?}", header(reply.header()))
            }
            Self::Delete(delete) => {
                let reply = client
                    .delete(delete.key.clone(), Some(delete.options()))
                    .await?;
                let rest = (reply.deleted(), key_values(&reply.0.prev_kvs));
                format!("{} {rest:?}", header(reply.header()))
            }
            Self::Txn(txn) => transaction(&client.txn(txn.build()).await?),
            Self::Compact { revision, physical } => {
                let options = match physical {
                    true => CompactionOptions::new().with_physical(),
                    false => CompactionOptions::new(),
                };
                header(client.compact(*revision, Some(options)).await?.header())
            }
            Self::Grant { id, ttl } => {
                let options = LeaseGrantOptions::new().with_id(*id);
                let reply = client.lease_grant(*ttl, Some(options)).await?;
                let same = reply.id() == *id || *id == 0;
                format!("{} same={same} ttl={}", header(reply.header()), reply.ttl())
            }
            Self::Revoke(id) => header(client.lease_revoke(*id).await?.header()),
            Self::KeepAlive(id) => {
                let (_keeper, mut stream) = client.lease_keep_alive(*id).await?;
                // The first reply was taken by the client, which makes an error of a TTL of zero.
                drop(stream.message());
                "renewed".to_owned()
            }
            Self::TimeToLive { id, keys } => {
                let options = match keys {
                    true => LeaseTimeToLiveOptions::new().with_keys(),
                    false => LeaseTimeToLiveOptions::new(),
                };
                let reply = client.lease_time_to_live(*id, Some(options)).await?;
                let mut keys: Vec<_> = reply
                    .keys()
                    .iter()
                    .map(|key| key.escape_ascii().to_string())
                    .collect();
                keys.sort();
                let rest = (reply.id(), reply.ttl().signum(), reply.granted_ttl(), keys);
                format!("{} {rest:?}", header(reply.header()))
            }
            Self::Alarms => {
                let reply = client
                    .alarm(AlarmAction::Get, AlarmType::None, None)
                    .await?;
                format!("{} {}", header(reply.header()), reply.alarms().len())
            }
            Self::Leases => {
                let reply = client.leases().await?;
                let mut ids: Vec<_> = reply
                    .leases()
                    .iter()
                    .map(etcd_client::LeaseStatus::id)
                    .collect();
                ids.sort_unstable();
                format!("{} {ids:?}", header(reply.header()))
            }
        })
    }
}

fn transaction(reply: &etcd_client::TxnResponse) -> String {
    let parts: Vec<_> = reply.op_responses().iter().map(part).collect();
    format!(
        "{} {} [{}]",
        header(reply.header()),
        reply.succeeded(),
        parts.join("; ")
    )
}

fn part(part: &TxnOpResponse) -> String {
    match part {
        TxnOpResponse::Put(reply) => {
            let prev: Option<&PbKeyValue> = reply.0.prev_kv.as_ref();
            format!("{} prev={:?}", header(reply.header()), prev.map(key_value))
        }
        TxnOpResponse::Get(reply) => {
            let rest = (reply.count(), reply.more(), key_values(&reply.0.kvs));
            format!("{} {rest:?}", header(reply.header()))
        }
        TxnOpResponse::Delete(reply) => {
            let rest = (reply.deleted(), key_values(&reply.0.prev_kvs));
            format!("{} {rest:?}", header(reply.header()))
        }
        TxnOpResponse::Txn(reply) => transaction(reply),
    }
}
