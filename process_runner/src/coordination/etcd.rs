//! A thin wrapper of the etcd client: our own timeout on every call, our own choice of endpoint.
//!
//! There is one single-endpoint client per etcd member, because the client's balanced channel
//! keeps sending calls to dead members. A call that fails makes the next one go to the next
//! member; it is not repeated here, because only the caller knows whether it may be. The exception
//! is a call that was denied for a token that is out of date: it did not take place ([`Token`]).

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use etcd_client::{
    Client, DeleteOptions, GetOptions, GetResponse, LeaseGrantOptions, LeaseKeepAliveStream,
    LeaseKeeper, LeaseTimeToLiveOptions, Txn, TxnOp, TxnOpResponse, TxnResponse, WatchOptions,
    WatchStream,
};

use super::barrier::Committed;
use super::choice::{Choice, Chosen};
use super::complaints::Complaints;
use super::keys::Range;
use super::newest::{Newest, Present};
use super::token::{self, Token};
use super::{CallError, Entry};

/// How long a unary call may take.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// Decoded messages may be this large: a snapshot of many slots is more than the default 4 MiB.
const MAX_MESSAGE: usize = 64 * 1024 * 1024;

/// The members of one etcd. Cheap to clone; clones share the choice of endpoint.
#[derive(Clone)]
pub(crate) struct Etcd {
    members: Arc<[Member]>,
    choice: Choice,
    newest: Newest,
    requests: RequestCount,
}

impl Range {
    /// The operation of a transaction that reads it.
    pub(super) fn read(&self) -> TxnOp {
        let options = GetOptions::new().with_range(self.to.clone());
        TxnOp::get(self.from.clone(), Some(options))
    }
}

/// Counts the requests that a node sends to etcd: calls, renewals and opened watches.
#[derive(Debug, Clone, Default)]
pub struct RequestCount(Arc<AtomicU64>);

impl RequestCount {
    /// The requests so far.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

struct Member {
    endpoint: String,
    client: Client,
    token: Token,
}

impl Etcd {
    /// An etcd of these members, each with its endpoint's name for messages.
    ///
    /// At least one member is needed; `connect` sees to that.
    pub(crate) fn new(members: Vec<(String, Client)>, requests: RequestCount) -> Self {
        let members: Arc<[_]> = members
            .into_iter()
            .map(|(endpoint, client)| Member {
                endpoint,
                client,
                token: Token::default(),
            })
            .collect();
        Self {
            choice: Choice::any(members.len()),
            newest: Newest::default(),
            members,
            requests,
        }
    }

    /// The endpoints, for messages.
    pub(crate) fn endpoints(&self) -> String {
        let names: Vec<_> = self
            .members
            .iter()
            .map(|member| member.endpoint.as_str())
            .collect();
        names.join(", ")
    }

    /// Turns to a member that answers, trying each once: for whoever makes few calls and repeats
    /// none, so that one dead member does not fail them. If none does, the error says what each said.
    pub(crate) async fn find_living(&self, key: &str) -> Result<(), CallError> {
        let mut complaints = Complaints::default();
        for _ in 0..self.members.len() {
            let member = &self.members[self.chosen().of(self.members.len())];
            // A failure turns to the next member by itself.
            match self.get(key, 0).await {
                Err(CallError::NotDone(reason) | CallError::Unknown(reason)) => {
                    complaints.add(&member.endpoint, reason);
                }
                settled => return settled.map(drop),
            }
        }
        Err(CallError::NotDone(complaints.reason()))
    }

    /// The version of each member that says it within `patience`, by endpoint.
    pub(super) async fn versions(&self, patience: Duration) -> Vec<(String, String)> {
        let mut versions = Vec::new();
        for member in &*self.members {
            let mut maintenance = member.client.maintenance_client();
            let asked = tokio::time::timeout(patience, maintenance.status()).await;
            match asked {
                Ok(Ok(status)) => {
                    versions.push((member.endpoint.clone(), status.version().to_owned()));
                }
                Ok(Err(error)) => {
                    tracing::debug!(endpoint = %member.endpoint, %error, "its version is not known");
                }
                Err(_) => tracing::debug!(endpoint = %member.endpoint, "does not say its version"),
            }
        }
        versions
    }

    /// Which member the next call goes to.
    pub(super) fn chosen(&self) -> Chosen {
        self.choice.present()
    }

    /// True if there is no other member to turn to.
    pub(super) fn is_alone(&self) -> bool {
        self.members.len() < 2
    }

    /// The newest revision that was seen.
    pub(super) fn newest(&self) -> &Newest {
        &self.newest
    }

    /// The same members, asked as if nothing was seen before: to find out which store they have now.
    pub(super) fn unbiased(&self) -> Self {
        Self {
            newest: Newest::default(),
            ..self.clone()
        }
    }

    /// Makes the next call go to the next member, unless another failure already did.
    pub(super) fn leave(&self, chosen: Chosen) {
        self.choice.leave(chosen);
    }

    /// Runs a transaction. Dropped, its outcome is unknown.
    pub(crate) async fn txn(&self, txn: Txn) -> Result<TxnResponse, CallError> {
        self.txn_within(CALL_TIMEOUT, &txn).await
    }

    /// The same for whoever has a patience of its own, or may have to repeat it. Dropped, its outcome is
    /// unknown.
    pub(super) async fn txn_within(
        &self,
        timeout: Duration,
        txn: &Txn,
    ) -> Result<TxnResponse, CallError> {
        let call = |client: &Client| {
            let (mut kv, txn) = (client.kv_client(), txn.clone());
            async move { kv.txn(txn).await }
        };
        self.present(timeout, call).await
    }

    /// Reads a range, linearizably.
    pub(crate) async fn range(&self, range: &Range) -> Result<GetResponse, CallError> {
        self.range_at(range, 0).await
    }

    /// Reads a range as it was at `revision`, or now if that is 0.
    pub(crate) async fn range_at(
        &self,
        range: &Range,
        revision: i64,
    ) -> Result<GetResponse, CallError> {
        let call = |client: &Client| {
            let options = GetOptions::new()
                .with_range(range.to.clone())
                .with_revision(revision);
            let mut kv = client.kv_client().max_decoding_message_size(MAX_MESSAGE);
            async move { kv.get(range.from.clone(), Some(options)).await }
        };
        self.present(CALL_TIMEOUT * 5, call).await
    }

    /// Reads several ranges at one revision, linearizably: one answer for each, in their order.
    pub(crate) async fn ranges<const N: usize>(
        &self,
        ranges: [Range; N],
    ) -> Result<(i64, Vec<GetResponse>), CallError> {
        let reads = ranges.each_ref().map(Range::read);
        let txn = Txn::new().and_then(reads);
        let call = |client: &Client| {
            let mut kv = client.kv_client().max_decoding_message_size(MAX_MESSAGE);
            let txn = txn.clone();
            async move { kv.txn(txn).await }
        };
        let reply = match self.present(CALL_TIMEOUT * 5, call).await {
            // 3.5.0 and 3.5.1 say so of a transaction that only reads, too.
            Err(CallError::NoSpace) => return self.ranges_one_by_one(&ranges).await,
            reply => reply?,
        };
        let revision = reply.header().map_or(0, |header| header.revision());
        let answers = reply.op_responses().into_iter().filter_map(|op| match op {
            TxnOpResponse::Get(get) => Some(get),
            _ => None,
        });
        Ok((revision, answers.collect()))
    }

    /// The same without a transaction: the first read says at which revision the others look.
    async fn ranges_one_by_one(
        &self,
        ranges: &[Range],
    ) -> Result<(i64, Vec<GetResponse>), CallError> {
        let (mut revision, mut answers) = (0, Vec::new());
        for range in ranges {
            let answer = self.range_at(range, revision).await?;
            if revision == 0 {
                revision = answer.header().map_or(0, |header| header.revision());
            }
            answers.push(answer);
        }
        Ok((revision, answers))
    }

    /// Deletes a key that is never put: commits through raft and changes nothing. Dropped, it has
    /// changed nothing either.
    pub(super) async fn commit_nothing(
        &self,
        never_key: &str,
        patience: Duration,
    ) -> Result<Committed, CallError> {
        let call = |client: &Client| {
            let mut kv = client.kv_client();
            async move { kv.delete(never_key, None).await }
        };
        let reply = self.present(patience, call).await?;
        let header = reply.header();
        Ok(Committed {
            term: header.map_or(0, |header| header.raft_term()),
            revision: header.map_or(0, |header| header.revision()),
        })
    }

    /// Deletes one key: what it was, if it was there. Dropped, it may be deleted all the same.
    pub(super) async fn take(&self, key: &[u8]) -> Result<Option<Entry>, CallError> {
        let call = |client: &Client| {
            let options = DeleteOptions::new().with_prev_key();
            let mut kv = client.kv_client();
            async move { kv.delete(key, Some(options)).await }
        };
        let reply = self.present(CALL_TIMEOUT, call).await?;
        Ok(reply.prev_kvs().first().map(Entry::from))
    }

    /// Reads one key, linearizably; as it was at `revision`, or now if that is 0.
    pub(crate) async fn get(&self, key: &str, revision: i64) -> Result<GetResponse, CallError> {
        let call = |client: &Client| {
            let options = GetOptions::new().with_revision(revision);
            let mut kv = client.kv_client();
            async move { kv.get(key, Some(options)).await }
        };
        self.present(CALL_TIMEOUT, call).await
    }

    /// Grants a lease; etcd may grant a longer one than asked for.
    pub(crate) async fn grant(&self, ttl: Duration, id: i64) -> Result<Duration, CallError> {
        let seconds = i64::try_from(ttl.as_secs().max(1)).unwrap_or(i64::MAX);
        let call = |client: &Client| {
            let options = LeaseGrantOptions::new().with_id(id);
            let mut leases = client.lease_client();
            async move { leases.grant(seconds, Some(options)).await }
        };
        let granted = self.call(CALL_TIMEOUT, call).await?;
        Ok(Duration::from_secs(
            u64::try_from(granted.ttl()).unwrap_or(0),
        ))
    }

    /// Revokes a lease and everything on it.
    pub(crate) async fn revoke(&self, lease: i64) -> Result<(), CallError> {
        let call = |client: &Client| {
            let mut leases = client.lease_client();
            async move { leases.revoke(lease).await }
        };
        self.call(CALL_TIMEOUT, call).await.map(drop)
    }

    /// The keys on a lease, none if there is no such lease. Answered by etcd's leader from memory,
    /// not through raft: a leader that was deposed without noticing answers too.
    pub(crate) async fn keys_on(&self, lease: i64) -> Result<Vec<Vec<u8>>, CallError> {
        let call = |client: &Client| {
            let options = LeaseTimeToLiveOptions::new().with_keys();
            let mut leases = client.lease_client();
            async move { leases.time_to_live(lease, Some(options)).await }
        };
        let answer = self.call(CALL_TIMEOUT, call).await?;
        Ok(answer.keys().to_vec())
    }

    /// Opens a stream of renewals and sends the first one; the answer to it is consumed.
    pub(crate) async fn keep_alive(
        &self,
        lease: i64,
        timeout: Duration,
    ) -> Result<(LeaseKeeper, LeaseKeepAliveStream), CallError> {
        let call = |client: &Client| {
            let mut leases = client.lease_client();
            async move { leases.keep_alive(lease).await }
        };
        self.call(timeout, call).await
    }

    /// Opens a watch over a range from `revision` on.
    pub(crate) async fn watch(
        &self,
        range: &Range,
        revision: i64,
    ) -> Result<WatchStream, CallError> {
        let call = |client: &Client| {
            let options = WatchOptions::new()
                .with_range(range.to.clone())
                .with_start_revision(revision);
            let mut client = client.watch_client().max_decoding_message_size(MAX_MESSAGE);
            async move { client.watch(range.from.clone(), Some(options)).await }
        };
        self.call(CALL_TIMEOUT, call).await
    }

    /// Makes a call whose answer shows the present state, and refuses one that does not ([`Newest`]).
    async fn present<T: Present, F>(
        &self,
        timeout: Duration,
        call: impl Fn(&Client) -> F,
    ) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, etcd_client::Error>>,
    {
        let (before, chosen) = (self.newest.revision(), self.chosen());
        let reply = self.call(timeout, call).await?;
        let admitted = self.newest.admit(before, reply.revision());
        if admitted.is_err() {
            self.leave(chosen);
        }
        admitted.map(|()| reply)
    }

    /// Makes a call to the present member, and once more if its token had to be renewed.
    async fn call<T, F>(
        &self,
        timeout: Duration,
        call: impl Fn(&Client) -> F,
    ) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, etcd_client::Error>>,
    {
        let chosen = self.chosen();
        let member = &self.members[chosen.of(self.members.len())];
        let generation = member.token.generation()?;
        let first = call(&member.client);
        let result = self.within(timeout, chosen, first).await;
        match result {
            Err(refusal) if token::is_stale(&refusal) => {
                let authenticate = member.client.refresh_token();
                let authenticate = self.within(CALL_TIMEOUT, chosen, authenticate);
                member.token.renew(generation, authenticate).await?;
                let again = call(&member.client);
                self.within(timeout, chosen, again).await
            }
            settled => settled,
        }
    }

    /// Waits for `call` at most `timeout`. A failure leaves the member that it was made to, unless etcd
    /// answered.
    pub(super) async fn within<T>(
        &self,
        timeout: Duration,
        chosen: Chosen,
        call: impl Future<Output = Result<T, etcd_client::Error>>,
    ) -> Result<T, CallError> {
        self.requests.0.fetch_add(1, Ordering::Relaxed);
        let result = match tokio::time::timeout(timeout, call).await {
            Ok(result) => result.map_err(CallError::from),
            Err(_) => Err(CallError::Unknown(no_answer_within(timeout))),
        };
        if let Err(CallError::NotDone(_) | CallError::Unknown(_)) = &result {
            self.leave(chosen);
        }
        result
    }
}

/// To a tenth of a second: patience is a part of what is left of a lease, and nobody reads its nanoseconds.
fn no_answer_within(timeout: Duration) -> String {
    format!("no answer within {:.1} s", timeout.as_secs_f64())
}
