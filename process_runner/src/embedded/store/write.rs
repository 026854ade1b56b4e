//! One write in the making: everything it changes becomes one revision, or nothing when it changed nothing.
//!
//! Reads made through it see what it has done so far. Keys are attached to and detached from leases as they change.

use std::sync::Arc;

use etcd_client::proto::{
    PbDeleteRequest, PbDeleteResponse, PbKeyValue, PbPutRequest, PbPutResponse, PbRangeRequest,
    PbRangeResponse,
};

use super::error::Refusal;
use super::key_range::KeyRange;
use super::keyspace::{Entry, KeySpace};
use super::lease::Leases;
use super::range;

pub(super) struct Write<'s> {
    space: &'s mut KeySpace,
    leases: &'s mut Leases,
    changes: Vec<Entry>,
}

impl<'s> Write<'s> {
    pub(super) fn begin(space: &'s mut KeySpace, leases: &'s mut Leases) -> Self {
        Self {
            space,
            leases,
            changes: Vec::new(),
        }
    }

    /// The revision that reads see: the one in the making once there is a change.
    fn now(&self) -> i64 {
        self.space.revision() + i64::from(!self.changes.is_empty())
    }

    pub(super) fn range(&self, request: &PbRangeRequest) -> Result<PbRangeResponse, Refusal> {
        range::range(self.space, request, self.now())
    }

    /// Puts a key. That it may be put was checked before.
    pub(super) fn put(&mut self, request: &PbPutRequest) -> PbPutResponse {
        let before = self.space.get(&request.key, self.now()).cloned();
        let revision = self.space.revision() + 1;
        let old = before.as_deref();
        let entry = PbKeyValue {
            key: request.key.clone(),
            create_revision: old.map_or(revision, |kv| kv.create_revision),
            mod_revision: revision,
            version: old.map_or(0, |kv| kv.version) + 1,
            value: match old {
                Some(kv) if request.ignore_value => kv.value.clone(),
                _ => request.value.clone(),
            },
            lease: match old {
                Some(kv) if request.ignore_lease => kv.lease,
                _ => request.lease,
            },
        };
        if let Some(kv) = old {
            self.leases.detach(kv.lease, &kv.key);
        }
        self.leases.attach(entry.lease, &entry.key);
        self.record(entry);
        PbPutResponse {
            header: Some(range::header(revision)),
            prev_kv: before.filter(|_| request.prev_kv).map(Arc::unwrap_or_clone),
        }
    }

    pub(super) fn delete_range(&mut self, request: &PbDeleteRequest) -> PbDeleteResponse {
        let removed = self.delete(KeyRange::new(&request.key, &request.range_end));
        PbDeleteResponse {
            header: Some(range::header(self.now())),
            deleted: i64::try_from(removed.len()).unwrap_or(i64::MAX),
            prev_kvs: match request.prev_kv {
                true => removed.into_iter().map(Arc::unwrap_or_clone).collect(),
                false => Vec::new(),
            },
        }
    }

    /// Deletes the keys of `range` and returns what they held.
    pub(super) fn delete(&mut self, range: KeyRange<'_>) -> Vec<Entry> {
        let removed: Vec<_> = self.space.scan(range, self.now()).cloned().collect();
        let revision = self.space.revision() + 1;
        for kv in &removed {
            self.leases.detach(kv.lease, &kv.key);
            self.record(PbKeyValue {
                key: kv.key.clone(),
                mod_revision: revision,
                ..Default::default()
            });
        }
        removed
    }

    fn record(&mut self, entry: PbKeyValue) {
        let entry = Arc::new(entry);
        self.space.record(Arc::clone(&entry));
        self.changes.push(entry);
    }

    /// Ends the write; its changes become visible. Returns them, for the journal.
    pub(super) fn finish(self) -> Vec<Entry> {
        if !self.changes.is_empty() {
            self.space.advance();
        }
        self.changes
    }
}
