//! Configurations in etcd: read by the leader when a member names one it does not know, and collected
//! when no member names it any more.
//!
//! A node puts its configuration in the transaction that puts the member key which names it. So a
//! configuration whose mod_revision is still the one that was read was not named anew since.

use std::collections::BTreeMap;

use etcd_client::{Compare, CompareOp, TxnOp};

use super::guarded::{Guarded, part};
use super::records::{ConfigRecord, decode};
use super::{CallError, Session};

/// At most so many are collected in one transaction.
const CONFIGS: usize = 100;

/// A configuration as it stands in etcd.
#[derive(Debug, Clone)]
pub(crate) struct StoredConfig {
    pub(crate) record: ConfigRecord,
    /// The key's mod_revision.
    pub(crate) revision: i64,
}

impl Session {
    /// Reads all configurations, by their hashes. Cancel safe.
    pub(crate) async fn read_configs(&self) -> Result<BTreeMap<String, StoredConfig>, CallError> {
        let configs = self.read(&self.keys.configs()).await?;
        let configs = configs.kvs().iter().filter_map(|kv| {
            let hash = self.keys.name(kv.key())?;
            let key = String::from_utf8_lossy(kv.key());
            match decode(&key, kv.value()) {
                Ok(record) => {
                    let revision = kv.mod_revision();
                    Some((hash.to_owned(), StoredConfig { record, revision }))
                }
                Err(error) => {
                    tracing::warn!(%error, "its nodes count as declaring nothing");
                    None
                }
            }
        });
        Ok(configs.collect())
    }

    /// Deletes those of `unnamed` (hash and mod_revision) that were not put anew, while `term` lasts.
    ///
    /// Dropped, the outcome is unknown, and of no consequence.
    pub(crate) async fn collect_configs(
        &self,
        term: i64,
        unnamed: &[(String, i64)],
    ) -> Result<Guarded<()>, CallError> {
        for some in unnamed.chunks(CONFIGS) {
            let parts = some.iter().map(|(hash, revision)| {
                let key = self.keys.config(hash);
                let unchanged = Compare::mod_revision(key.as_str(), CompareOp::Equal, *revision);
                part(vec![unchanged], vec![TxnOp::delete(key, None)], Vec::new())
            });
            if let Guarded::Deposed(posts) = self.guarded(term, parts.collect()).await? {
                return Ok(Guarded::Deposed(posts));
            }
        }
        Ok(Guarded::Done(()))
    }
}
