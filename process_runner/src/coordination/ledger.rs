//! The ledger, as the leader reads it: which slots ended, or stand, without having been unlocked.

use std::collections::BTreeSet;

use super::records::{LedgerRecord, LedgerState};
use super::{CallError, Session};
use crate::model::Slot;

impl Session {
    /// The slots of `job`, or of all jobs, whose ledger says `held`. Cancel safe.
    pub(crate) async fn read_held(&self, job: Option<&str>) -> Result<BTreeSet<Slot>, CallError> {
        let range = match job {
            Some(job) => self.keys.fences_of(job),
            None => self.keys.fences(),
        };
        let ledger = self.read(&range).await?;
        let held = ledger.kvs().iter().filter_map(|kv| {
            let slot = self.keys.parse_fence(kv.key())?;
            let record = serde_json::from_slice::<LedgerRecord>(kv.value());
            // What cannot be read may have been held: unlocking once too often harms nobody.
            let clean = record.is_ok_and(|record| record.state == LedgerState::Clean);
            (!clean).then_some(slot)
        });
        Ok(held.collect())
    }
}
