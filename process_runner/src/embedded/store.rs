//! The pure store: what etcd would answer, without tokio, files or clocks.
//!
//! # Model
//!
//! ```text
//! request --> shape (well formed?) --> compare, checks --> Write --> KeySpace (versions, log)
//!                                                             \----> Leases  (keys of a lease)
//!                                                             \----> journal (what to make durable)
//! ```
//!
//! Requests and replies are etcd's own messages. Every method runs to its end under the caller's lock; time comes in as
//! a [`Duration`] since the server started. What changed is left in the journal, from which an equal store can be built:
//! the write-ahead log is a list of [`Record`]s.
//!
//! # Guarantees
//!
//! A request that is refused changed nothing. A write is one revision however many keys it touches, and one that
//! changed nothing consumes none. History is complete from the last compaction on; the store compacts by itself so that
//! history stays within its bounds.

use std::time::Duration;

use etcd_client::proto::{
    PbCompactionResponse, PbDeleteRequest, PbDeleteResponse, PbLeaseGrantResponse,
    PbLeaseLeasesResponse, PbLeaseRevokeResponse, PbLeaseStatus, PbLeaseTimeToLiveResponse,
    PbPutRequest, PbPutResponse, PbRangeRequest, PbRangeResponse, PbResponseHeader, PbTxnRequest,
    PbTxnResponse,
};

mod compare;
mod error;
mod key_range;
mod keyspace;
mod lease;
mod range;
mod shape;
mod size;
#[cfg(test)]
mod tests;
mod txn;
mod write;

pub(crate) use error::{Refusal, RefusalCode};
pub(crate) use key_range::KeyRange;
pub(crate) use keyspace::{Entry, KeySpace, is_delete};
pub(crate) use lease::{Leases, Renewal};
use write::Write;

/// Who the server says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) cluster_id: u64,
    pub(crate) member_id: u64,
}

/// One step from a state to the next. A list of them rebuilds the store.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Record {
    /// The changes of one revision, in order.
    Commit(Vec<Entry>),
    /// A lease and its granted seconds.
    Grant { id: i64, ttl: i64 },
    /// The lease is gone; its keys went with the commit before.
    Revoke { id: i64 },
    /// History before this revision is forgotten.
    Compact(i64),
    /// A new leader's term.
    Term(u64),
}

impl Record {
    /// Whether a lease may now end earlier than the earliest so far.
    pub(crate) fn grants_lease(&self) -> bool {
        matches!(self, Self::Grant { .. })
    }
}

/// How much history to keep.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retention {
    pub(crate) revisions: i64,
    pub(crate) bytes: usize,
}

/// Everything the server knows.
#[derive(Debug)]
pub(crate) struct Store {
    identity: Identity,
    term: u64,
    space: KeySpace,
    leases: Leases,
    retention: Retention,
    journal: Vec<Record>,
    full: bool,
}

impl Store {
    /// A new, empty store.
    pub(crate) fn new(identity: Identity, min_ttl: i64, retention: Retention) -> Self {
        Self::from_parts(
            identity,
            1,
            KeySpace::new(),
            Leases::new(min_ttl),
            retention,
        )
    }

    /// A store with saved contents.
    pub(crate) fn from_parts(
        identity: Identity,
        term: u64,
        space: KeySpace,
        leases: Leases,
        retention: Retention,
    ) -> Self {
        Self {
            identity,
            term,
            space,
            leases,
            retention,
            journal: Vec::new(),
            full: false,
        }
    }

    /// Makes the store refuse what needs space, or accept it again.
    pub(crate) fn fill(&mut self, full: bool) {
        self.full = full;
    }

    /// Forgets everything, and with it who it was unless told otherwise.
    pub(crate) fn wipe(&mut self, keep_ids: bool) {
        let mut identity = self.identity;
        if !keep_ids {
            identity.cluster_id = identity.cluster_id.wrapping_add(2);
        }
        let leases = Leases::new(self.leases.min_ttl());
        *self = Self::from_parts(identity, 1, KeySpace::new(), leases, self.retention);
    }

    /// Refuses what needs space when there is none.
    fn check_space(&self, needed: bool) -> Result<(), Refusal> {
        match self.full && needed {
            true => Err(Refusal::NoSpace),
            false => Ok(()),
        }
    }

    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }

    pub(crate) fn term(&self) -> u64 {
        self.term
    }

    pub(crate) fn space(&self) -> &KeySpace {
        &self.space
    }

    pub(crate) fn leases(&self) -> &Leases {
        &self.leases
    }

    /// The present revision.
    pub(crate) fn revision(&self) -> i64 {
        self.space.revision()
    }

    /// What changed since the last call, in order.
    pub(crate) fn take_journal(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.journal)
    }

    /// A full header for `revision`.
    pub(crate) fn header(&self, revision: i64) -> PbResponseHeader {
        PbResponseHeader {
            cluster_id: self.identity.cluster_id,
            member_id: self.identity.member_id,
            revision,
            raft_term: self.term,
        }
    }

    pub(crate) fn range(&self, request: &PbRangeRequest) -> Result<PbRangeResponse, Refusal> {
        size::check_message(size::range(request))?;
        shape::check_range(request)?;
        let mut response = range::range(&self.space, request, self.revision())?;
        response.header = self.outer(response.header);
        Ok(response)
    }

    pub(crate) fn put(&mut self, request: &PbPutRequest) -> Result<PbPutResponse, Refusal> {
        let size = size::put(request);
        size::check_message(size)?;
        shape::check_put(request)?;
        size::check_proposal(size)?;
        self.check_space(true)?;
        // A single put looks at the lease first, one in a transaction last.
        if request.lease != 0 && self.leases.get(request.lease).is_none() {
            return Err(Refusal::LeaseNotFound);
        }
        txn::check_put(&self.space, &self.leases, request)?;
        let mut response = self.write(|write| write.put(request));
        response.header = self.outer(response.header);
        Ok(response)
    }

    pub(crate) fn delete_range(
        &mut self,
        request: &PbDeleteRequest,
    ) -> Result<PbDeleteResponse, Refusal> {
        let size = size::delete(request);
        size::check_message(size)?;
        shape::check_delete(request)?;
        size::check_proposal(size)?;
        let mut response = self.write(|write| write.delete_range(request));
        response.header = self.outer(response.header);
        Ok(response)
    }

    pub(crate) fn txn(&mut self, request: &PbTxnRequest) -> Result<PbTxnResponse, Refusal> {
        let size = size::txn(request);
        size::check_message(size)?;
        shape::check_txn(request)?;
        if !shape::is_read_only(request) {
            size::check_proposal(size)?;
        }
        self.check_space(shape::puts(request))?;
        let prepared = txn::prepare(&self.space, &self.leases, request)?;
        let mut write = Write::begin(&mut self.space, &mut self.leases);
        let result = prepared.run(&mut write);
        let changes = write.finish();
        self.commit(changes);
        let mut response = result?;
        response.header = Some(self.header(self.revision()));
        Ok(response)
    }

    pub(crate) fn compact(&mut self, revision: i64) -> Result<PbCompactionResponse, Refusal> {
        self.space.compact(revision)?;
        self.journal.push(Record::Compact(revision));
        Ok(PbCompactionResponse {
            header: Some(self.header(self.revision())),
        })
    }

    /// Grants lease `id`, which the caller has chosen if the client did not.
    pub(crate) fn grant(
        &mut self,
        id: i64,
        ttl: i64,
        now: Duration,
    ) -> Result<PbLeaseGrantResponse, Refusal> {
        self.check_space(true)?;
        let ttl = self.leases.grant(id, ttl, now)?;
        self.journal.push(Record::Grant { id, ttl });
        Ok(PbLeaseGrantResponse {
            header: Some(self.header(self.revision())),
            id,
            ttl,
            error: String::new(),
        })
    }

    /// Ends a lease: its keys go in key order as one revision.
    pub(crate) fn revoke(&mut self, id: i64) -> Result<PbLeaseRevokeResponse, Refusal> {
        let lease = self.leases.remove(id).ok_or(Refusal::LeaseNotFound)?;
        let mut write = Write::begin(&mut self.space, &mut self.leases);
        for key in &lease.keys {
            write.delete(KeyRange::one(key));
        }
        let changes = write.finish();
        self.commit(changes);
        self.journal.push(Record::Revoke { id });
        Ok(PbLeaseRevokeResponse {
            header: Some(self.header(self.revision())),
        })
    }

    /// Renews a lease; one that is over is revoked now, so that nobody renews it and nobody sees its keys after.
    /// Returns the TTL to answer with, zero when there is no such lease.
    pub(crate) fn renew(&mut self, id: i64, now: Duration) -> i64 {
        match self.leases.renew(id, now) {
            Renewal::Renewed(ttl) => ttl,
            Renewal::Unknown => 0,
            Renewal::Expired => {
                // It was there a moment ago, under the same lock.
                let _ = self.revoke(id);
                0
            }
        }
    }

    pub(crate) fn time_to_live(
        &self,
        id: i64,
        keys: bool,
        now: Duration,
    ) -> PbLeaseTimeToLiveResponse {
        let mut response = PbLeaseTimeToLiveResponse {
            header: Some(self.header(self.revision())),
            id,
            ttl: -1,
            ..Default::default()
        };
        if let Some(lease) = self.leases.get(id) {
            let left = lease.expiry.saturating_sub(now);
            response.ttl = i64::try_from(left.as_secs()).unwrap_or(i64::MAX);
            response.granted_ttl = lease.ttl;
            if keys {
                response.keys = lease.keys.iter().cloned().collect();
            }
        }
        response
    }

    pub(crate) fn list_leases(&self) -> PbLeaseLeasesResponse {
        let ids = self.leases.by_expiry().into_iter();
        PbLeaseLeasesResponse {
            header: Some(self.header(self.revision())),
            leases: ids.map(|id| PbLeaseStatus { id }).collect(),
        }
    }

    /// Revokes every lease that is over at `now`, each as a revision of its own.
    pub(crate) fn expire(&mut self, now: Duration) {
        for id in self.leases.expired(now) {
            // Listed under the same lock.
            let _ = self.revoke(id);
        }
    }

    /// A new leader: the term rises by one and every lease gets its full time.
    pub(crate) fn change_leader(&mut self, now: Duration) {
        self.term += 1;
        self.leases.rearm(now);
        self.journal.push(Record::Term(self.term));
    }

    /// Applies a step read back from the journal.
    pub(crate) fn replay(&mut self, record: Record, now: Duration) {
        match record {
            Record::Commit(entries) => {
                for entry in entries {
                    let before = self.space.get(&entry.key, i64::MAX).cloned();
                    if let Some(kv) = before {
                        self.leases.detach(kv.lease, &kv.key);
                    }
                    self.leases.attach(entry.lease, &entry.key);
                    self.space.load_logged(entry);
                }
            }
            Record::Grant { id, ttl } => self.leases.load(id, ttl, now),
            Record::Revoke { id } => drop(self.leases.remove(id)),
            Record::Compact(at) => {
                // It was accepted when it was written.
                let _ = self.space.compact(at);
            }
            Record::Term(term) => self.term = self.term.max(term),
        }
    }

    /// Hangs every key on its lease, once a snapshot's leases and entries are loaded.
    pub(crate) fn attach_loaded(&mut self) {
        let everything = KeyRange::new(&[0], &[0]);
        for entry in self.space.scan(everything, self.space.revision()) {
            self.leases.attach(entry.lease, &entry.key);
        }
    }

    fn write<T>(&mut self, change: impl FnOnce(&mut Write<'_>) -> T) -> T {
        let mut write = Write::begin(&mut self.space, &mut self.leases);
        let result = change(&mut write);
        let changes = write.finish();
        self.commit(changes);
        result
    }

    fn commit(&mut self, changes: Vec<Entry>) {
        if changes.is_empty() {
            return;
        }
        self.journal.push(Record::Commit(changes));
        let Retention { revisions, bytes } = self.retention;
        if let Some(at) = self.space.excess(revisions, bytes)
            && self.space.compact(at).is_ok()
        {
            self.journal.push(Record::Compact(at));
        }
    }

    fn outer(&self, inner: Option<PbResponseHeader>) -> Option<PbResponseHeader> {
        inner.map(|header| self.header(header.revision))
    }
}
