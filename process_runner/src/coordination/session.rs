//! One node's membership: one lease, the member key on it, and the identity of the store.
//!
//! ```text
//! meta --(create or check)--> grant lease --> report it --> put member (only if the name is free) --> heartbeat
//! ```
//!
//! # Guarantees
//!
//! - Everything of the node hangs on one lease, so that its end frees all of it in one revision.
//! - The incarnation is fresh and random. A member key that is not exactly ours is never adopted.
//! - A store that is not the one it was is refused (see `identity`).
//!
//! # How it fails
//!
//! A name that is held by a lease of a dead process becomes free when that lease runs out; `open`
//! says who holds it, and its caller decides whether to wait.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use etcd_client::{Compare, CompareOp, PutOptions, Txn, TxnOp};
use tokio::time::Instant;

use super::barrier::Subject;
use super::election::take_vacant;
use super::etcd::CALL_TIMEOUT;
use super::identity::{StoreIdentity, identify_store};
use super::keys::Keys;
use super::membership::get;
use super::opening::Opening;
use super::records::{ConfigRecord, LeaderRecord, MemberRecord, decode, encode};
use super::sighting::{Look, Watched};
use super::{CallError, CoordinationError, Etcd, Heartbeat};
use crate::chance::random_u128;
use crate::clock::Clock;
use crate::model::LeaseTerm;
use crate::reports::{LeaseId, Reporter};
use crate::validity::Validity;

/// How long to try to revoke the lease at the end. The call that is under way then is waited for.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);
const CLOSE_PAUSE: Duration = Duration::from_millis(50);

/// What a node says of itself when it registers.
#[derive(Debug, Clone)]
pub(crate) struct Registration {
    pub(crate) node: Arc<str>,
    pub(crate) ttl: Duration,
    /// `incarnation` and `lease` are filled in by `open`, and `loaded_at` unless it is known.
    pub(crate) member: MemberRecord,
    pub(crate) config_hash: String,
    pub(crate) config: ConfigRecord,
    /// Whether it takes a post that is vacant, and so serves it from then on.
    pub(crate) takes_posts: bool,
    /// Who hears of the lease before anything is put on it.
    pub(crate) reporter: Reporter,
}

/// An open membership.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) etcd: Etcd,
    pub(crate) keys: Keys,
    pub(crate) node: Arc<str>,
    pub(crate) incarnation: Arc<str>,
    pub(crate) lease: i64,
    pub(crate) epoch: u16,
    pub(crate) term: LeaseTerm,
    /// How long etcd took for the lease and the registration.
    pub(crate) opened_in: Duration,
    pub(super) member_created: i64,
    /// The member key as it was put.
    pub(super) member: MemberRecord,
    pub(super) meta_revision: i64,
    pub(super) opening: Opening,
}

/// What opening a session led to.
pub(crate) enum Opened {
    Session(Box<Session>),
    /// The name is held by this member, under this lease.
    NameTaken(Box<MemberRecord>),
}

impl Session {
    /// Registers the node under a new lease.
    ///
    /// Dropped, it may leave a lease behind that runs out by itself.
    pub(crate) async fn open(
        etcd: &Etcd,
        keys: &Keys,
        registration: &Registration,
        clock: Clock,
        known: Option<&StoreIdentity>,
    ) -> Result<(Opened, StoreIdentity), CoordinationError> {
        let fail = |error| explain(error, etcd);
        let store = identify_store(etcd, keys, known).await?;
        // Chosen here, so that a grant whose answer was lost can be repeated.
        let lease = positive_random();
        let sent = clock.now();
        let ttl = etcd.grant(registration.ttl, lease).await.map_err(fail)?;
        let term = LeaseTerm::granted(sent, ttl);
        registration
            .reporter
            .granted(LeaseId(lease), term.hard())
            .await;
        let mut member = registration.member.clone();
        member.incarnation = format!("{:032x}", random_u128());
        member.lease = lease;
        if member.loaded_at == 0 {
            member.loaded_at = store.revision;
        }
        let incarnation: Arc<str> = member.incarnation.as_str().into();
        match put_member(etcd, keys, registration, &member, store.meta_revision).await? {
            Ok((member_created, opening)) => {
                let session = Self {
                    etcd: etcd.clone(),
                    keys: keys.clone(),
                    node: Arc::clone(&registration.node),
                    incarnation,
                    lease,
                    epoch: store.epoch,
                    term,
                    opened_in: clock.now().since(sent),
                    member_created,
                    member,
                    meta_revision: store.meta_revision,
                    opening,
                };
                Ok((Opened::Session(Box::new(session)), store))
            }
            Err(holder) => {
                match etcd.revoke(lease).await {
                    Ok(()) => registration.reporter.revoked(LeaseId(lease)),
                    Err(error) => tracing::debug!(%error, "an unused lease is left to run out"),
                }
                Ok((Opened::NameTaken(holder), store))
            }
        }
    }

    /// Starts to renew the lease. The deadlines of `validity` are set from the grant at once.
    /// Each renewal also looks at the slots in `watched`.
    pub(crate) fn start_heartbeat(
        &self,
        clock: Clock,
        validity: Arc<Validity>,
        watched: &Watched,
    ) -> Heartbeat {
        validity.set(self.term.soft(), self.term.hard());
        let subject = Subject {
            lease: self.lease,
            member_key: self.keys.member(&self.node),
            member_created: self.member_created,
            meta: (self.keys.meta(), self.meta_revision),
            never_key: self.keys.never(),
            look: Look {
                keys: self.keys.clone(),
                node: Arc::clone(&self.node),
                lease: self.lease,
                slots: watched.clone(),
            },
        };
        Heartbeat::start(self.etcd.clone(), subject, self.term, clock, validity)
    }

    /// Ends the session: revokes the lease, and with it everything the node still has. A member that is
    /// away for a moment, or for good, is no reason to leave the lease behind: others are asked, and
    /// again, for [`CLOSE_PATIENCE`].
    ///
    /// Only to be called when nothing of the node runs any more (G3). Dropped, it may take place all the
    /// same.
    pub(crate) async fn close(&self) -> Result<(), CallError> {
        let until = Instant::now() + CLOSE_PATIENCE;
        loop {
            match self.etcd.revoke(self.lease).await {
                Ok(()) | Err(CallError::LeaseGone) => return Ok(()),
                Err(CallError::NotDone(_) | CallError::Unknown(_)) if Instant::now() < until => {
                    tokio::time::sleep(CLOSE_PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Puts the member key if the name is free: its create_revision and what was read on the way, or who
/// holds the name.
async fn put_member(
    etcd: &Etcd,
    keys: &Keys,
    registration: &Registration,
    member: &MemberRecord,
    meta_revision: i64,
) -> Result<Result<(i64, Opening), Box<MemberRecord>>, CoordinationError> {
    let key = keys.member(&registration.node);
    let on_lease = PutOptions::new().with_lease(member.lease);
    let mut operations = vec![
        TxnOp::put(
            keys.config(&registration.config_hash),
            encode(&registration.config),
            None,
        ),
        TxnOp::put(key.as_str(), encode(member), Some(on_lease)),
    ];
    if registration.takes_posts {
        let record = LeaderRecord {
            node: registration.node.to_string(),
            incarnation: member.incarnation.clone(),
        };
        operations.extend(take_vacant(keys, &record, member.lease));
    }
    operations.extend(Opening::reads(keys, &registration.node));
    let txn = Txn::new()
        .when([
            Compare::create_revision(key.as_str(), CompareOp::Equal, 0),
            Compare::mod_revision(keys.meta(), CompareOp::Equal, meta_revision),
        ])
        .and_then(operations)
        .or_else([TxnOp::get(key.as_str(), None)]);
    let reply = repeat_unknown(etcd, txn)
        .await
        .map_err(|error| explain(error, etcd))?;
    if reply.succeeded() {
        let created = reply.header().map_or(0, |header| header.revision());
        let opening = Opening::of(&reply, keys, &registration.node);
        return Ok(Ok((created, opening)));
    }
    let found = reply.op_responses().into_iter().find_map(get);
    let Some(found) = found.as_ref().and_then(|get| get.kvs().first()) else {
        let reason = "its meta key changed while this node registered".to_owned();
        return Err(CoordinationError::StoreChanged {
            reason,
            epoch: None,
        });
    };
    let holder: MemberRecord = decode(&key, found.value())?;
    // An earlier, identical attempt may have taken place although its answer was lost.
    if holder.incarnation == member.incarnation {
        return Ok(Ok((found.create_revision(), Opening::default())));
    }
    Ok(Err(Box::new(holder)))
}

/// Sends an idempotent transaction up to three times while its outcome is unknown.
async fn repeat_unknown(etcd: &Etcd, txn: Txn) -> Result<etcd_client::TxnResponse, CallError> {
    let mut attempt = 1;
    loop {
        match etcd.txn_within(CALL_TIMEOUT, &txn).await {
            Err(error) if error.is_unknown() && attempt < 3 => attempt += 1,
            done => return done,
        }
    }
}

/// A call's failure, as a reason why the node cannot be part of the cluster.
pub(super) fn explain(error: CallError, etcd: &Etcd) -> CoordinationError {
    match error {
        CallError::Denied(reason) => CoordinationError::Denied { reason },
        CallError::Refused(reason) => CoordinationError::Refused { reason },
        CallError::NoSpace => CoordinationError::NoSpace {
            endpoints: etcd.endpoints(),
        },
        other => CoordinationError::Unreachable {
            endpoints: etcd.endpoints(),
            reason: other.to_string(),
        },
    }
}

/// A lease id of our own choosing.
pub(super) fn positive_random() -> i64 {
    // The low 62 bits: positive, and never zero, which would let etcd choose.
    (random_u128() & ((1 << 62) - 1)) as i64 | 1
}
