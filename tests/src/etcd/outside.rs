//! What somebody else may do to the store under a running cluster.

use std::io;

use etcd_client::{GetOptions, SortOrder, SortTarget};

use super::Etcd;

impl Etcd {
    /// Deletes a key.
    ///
    /// # Errors
    ///
    /// What etcd said.
    pub async fn delete(&self, key: &str) -> io::Result<()> {
        let mut client = self.client(None).await?;
        let deleted = client.delete(key, None).await;
        deleted.map(drop).map_err(io::Error::other)
    }

    /// Revokes the lease that a key is on.
    ///
    /// # Errors
    ///
    /// There is no such key, or what etcd said.
    pub async fn revoke_lease_of(&self, key: &str) -> io::Result<()> {
        let mut client = self.client(None).await?;
        let found = client.get(key, None).await.map_err(io::Error::other)?;
        let kv = found.kvs().first();
        let lease = kv.map(etcd_client::KeyValue::lease).unwrap_or_default();
        let revoked = client.lease_revoke(lease).await;
        revoked.map(drop).map_err(io::Error::other)
    }

    /// Forgets every revision but the present one.
    ///
    /// # Errors
    ///
    /// What etcd said.
    pub async fn compact(&self) -> io::Result<()> {
        let mut client = self.client(None).await?;
        let newest = GetOptions::new()
            .with_all_keys()
            .with_limit(1)
            .with_sort(SortTarget::Mod, SortOrder::Descend);
        let found = client
            .get("", Some(newest))
            .await
            .map_err(io::Error::other)?;
        let revision = found.header().map_or(0, |header| header.revision());
        match client.compact(revision, None).await {
            Err(error) if !error.to_string().contains("compacted") => Err(io::Error::other(error)),
            _ => Ok(()),
        }
    }
}
