//! The table of leases: who lives until when, and which keys hang on whom.
//!
//! Time is an argument: a [`Duration`] since the server started. A lease ends at its expiry, not before, and the check
//! that notices runs every 500 ms as in etcd. Keys are listed here only to be found; deleting them is the store's part.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::error::Refusal;

/// The longest TTL etcd accepts, in seconds.
const MAX_TTL: i64 = 9_000_000_000;

#[derive(Debug)]
pub(crate) struct Lease {
    /// Granted seconds.
    pub(crate) ttl: i64,
    /// When it ends, unless renewed before.
    pub(crate) expiry: Duration,
    /// The keys that go with it.
    pub(crate) keys: BTreeSet<Vec<u8>>,
}

/// What a renewal found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// Renewed for this many seconds.
    Renewed(i64),
    /// Over, but not revoked yet.
    Expired,
    /// No such lease.
    Unknown,
}

#[derive(Debug)]
pub(crate) struct Leases {
    table: BTreeMap<i64, Lease>,
    min_ttl: i64,
}

impl Leases {
    pub(crate) fn new(min_ttl: i64) -> Self {
        Self {
            table: BTreeMap::new(),
            min_ttl,
        }
    }

    pub(super) fn min_ttl(&self) -> i64 {
        self.min_ttl
    }

    /// Adds a lease and says for how many seconds.
    pub(super) fn grant(&mut self, id: i64, ttl: i64, now: Duration) -> Result<i64, Refusal> {
        if ttl > MAX_TTL {
            return Err(Refusal::LeaseTtlTooLarge);
        }
        if self.table.contains_key(&id) {
            return Err(Refusal::LeaseExists);
        }
        let ttl = ttl.max(self.min_ttl);
        self.load(id, ttl, now);
        Ok(ttl)
    }

    /// Adds a lease that was granted before, with its full time ahead.
    pub(crate) fn load(&mut self, id: i64, ttl: i64, now: Duration) {
        let lease = Lease {
            ttl,
            expiry: now + seconds(ttl),
            keys: BTreeSet::new(),
        };
        self.table.insert(id, lease);
    }

    pub(crate) fn get(&self, id: i64) -> Option<&Lease> {
        self.table.get(&id)
    }

    pub(super) fn remove(&mut self, id: i64) -> Option<Lease> {
        self.table.remove(&id)
    }

    pub(super) fn renew(&mut self, id: i64, now: Duration) -> Renewal {
        let Some(lease) = self.table.get_mut(&id) else {
            return Renewal::Unknown;
        };
        if now >= lease.expiry {
            return Renewal::Expired;
        }
        lease.expiry = now + seconds(lease.ttl);
        Renewal::Renewed(lease.ttl)
    }

    /// Gives every lease its full time again, as a new leader does.
    pub(super) fn rearm(&mut self, now: Duration) {
        for lease in self.table.values_mut() {
            lease.expiry = now + seconds(lease.ttl);
        }
    }

    pub(super) fn attach(&mut self, id: i64, key: &[u8]) {
        if let Some(lease) = self.table.get_mut(&id) {
            lease.keys.insert(key.to_vec());
        }
    }

    pub(super) fn detach(&mut self, id: i64, key: &[u8]) {
        if let Some(lease) = self.table.get_mut(&id) {
            lease.keys.remove(key);
        }
    }

    /// The leases that are over at `now`.
    pub(crate) fn expired(&self, now: Duration) -> Vec<i64> {
        self.table
            .iter()
            .filter(|(_, lease)| now >= lease.expiry)
            .map(|(&id, _)| id)
            .collect()
    }

    /// When the next lease ends.
    pub(crate) fn next_expiry(&self) -> Option<Duration> {
        self.table.values().map(|lease| lease.expiry).min()
    }

    /// All leases, those that end first in front.
    pub(crate) fn by_expiry(&self) -> Vec<i64> {
        let mut ids: Vec<_> = self
            .table
            .iter()
            .map(|(&id, lease)| (lease.expiry, id))
            .collect();
        ids.sort_unstable();
        ids.into_iter().map(|(_, id)| id).collect()
    }

    /// All leases with their granted seconds, by id.
    pub(crate) fn granted(&self) -> Vec<(i64, i64)> {
        self.table
            .iter()
            .map(|(&id, lease)| (id, lease.ttl))
            .collect()
    }
}

fn seconds(ttl: i64) -> Duration {
    Duration::from_secs(u64::try_from(ttl).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(100);

    #[test]
    fn a_lease_ends_at_its_expiry_and_not_a_nanosecond_before() {
        let mut leases = Leases::new(2);
        leases.grant(7, 5, START).unwrap();
        let end = START + Duration::from_secs(5);
        assert!(leases.expired(end - Duration::from_nanos(1)).is_empty());
        assert_eq!(leases.expired(end), [7]);
        assert_eq!(leases.renew(7, end), Renewal::Expired);
        assert_eq!(
            leases.renew(7, end - Duration::from_nanos(1)),
            Renewal::Renewed(5)
        );
        assert!(leases.expired(end).is_empty());
    }

    #[test]
    fn a_ttl_is_raised_to_the_minimum_and_refused_above_the_maximum() {
        let mut leases = Leases::new(2);
        assert_eq!(leases.grant(1, -3, START), Ok(2));
        assert_eq!(
            leases.grant(2, MAX_TTL + 1, START),
            Err(Refusal::LeaseTtlTooLarge)
        );
        assert_eq!(leases.grant(2, MAX_TTL, START), Ok(MAX_TTL));
        assert_eq!(leases.grant(1, 5, START), Err(Refusal::LeaseExists));
    }
}
