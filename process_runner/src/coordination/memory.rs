//! What this machine remembers of a store, beyond the life of a process.
//!
//! A process that sees etcd lose its data refuses it. Its successor was not there: it reads what the
//! processes before it knew from a file, `known_stores.json`, beside the locks of the names under the same
//! prefix (of an embedded etcd: beside its data). A store is known by its endpoints.
//!
//! # Guarantees
//!
//! The file is replaced as a whole, and what it says never goes back.
//!
//! # How it fails
//!
//! A file that cannot be read or written is said in the log, and the node runs without it: the memory is
//! a second line behind the fences that resources keep. The revision in it may be up to a minute old.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::StoreIdentity;
use super::connect::data_dir;
use crate::chance::random_u128;
use crate::config::Coordination;
use crate::embedded::default_data_dir;

const FILE: &str = "known_stores.json";

/// The memory of one store.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    file: PathBuf,
    /// The store's name in it.
    name: String,
}

/// What the file says of all stores, by name.
type Stores = BTreeMap<String, Known>;

#[derive(Debug, Serialize, Deserialize)]
struct Known {
    store_id: String,
    cluster_id: u64,
    epoch: u16,
    revision: i64,
}

impl Memory {
    /// The memory of the store that `coordination` names.
    pub(super) fn of(coordination: &Coordination) -> Self {
        let (dir, name) = match coordination {
            Coordination::Embedded(config) => (data_dir(config), "embedded".to_owned()),
            Coordination::Etcd(config) => {
                let mut endpoints = config.endpoints.clone();
                endpoints.sort();
                (default_data_dir(&config.prefix), endpoints.join(","))
            }
        };
        let file = dir.join(FILE);
        Self { file, name }
    }

    /// What is known of the store, if anything is. Reads a small file: not for where a lease is held.
    pub(crate) fn recall(&self) -> Option<StoreIdentity> {
        let known = read(&self.file).map(|mut stores| stores.remove(&self.name));
        let known = known.unwrap_or_else(|error| {
            tracing::warn!(%error, file = %self.file.display(), "it is not known which store this was");
            None
        });
        known.map(|known| StoreIdentity {
            store_id: known.store_id,
            cluster_id: known.cluster_id,
            epoch: known.epoch,
            revision: known.revision,
            meta_revision: 0,
        })
    }

    /// Keeps that this is the store, if that is more than is kept already.
    ///
    /// Dropped, it may take place all the same.
    pub(crate) async fn keep(&self, store: &StoreIdentity) {
        let (memory, store) = (self.clone(), store.clone());
        // Disks may be slow, and the thread of the lease must not wait for them.
        let kept = tokio::task::spawn_blocking(move || memory.write(&store)).await;
        if let Err(error) = kept.unwrap_or_else(|error| Err(io::Error::other(error))) {
            tracing::warn!(%error, file = %self.file.display(), "it is not kept which store this is");
        }
    }

    fn write(&self, store: &StoreIdentity) -> io::Result<()> {
        // One that cannot be read is of no use to anybody.
        let mut stores = read(&self.file).unwrap_or_default();
        if stores
            .get(&self.name)
            .is_some_and(|known| known.covers(store))
        {
            return Ok(());
        }
        stores.insert(self.name.clone(), Known::of(store));
        let text = serde_json::to_string_pretty(&stores).map_err(io::Error::other)?;
        if let Some(dir) = self.file.parent() {
            std::fs::create_dir_all(dir)?;
        }
        let aside = self.file.with_extension(format!("{:x}", random_u128()));
        let replaced =
            std::fs::write(&aside, text + "\n").and_then(|()| std::fs::rename(&aside, &self.file));
        if replaced.is_err() {
            // What was half written is of no use; that it is there is said by the error already.
            let _ = std::fs::remove_file(&aside);
        }
        replaced
    }
}

impl Known {
    fn of(store: &StoreIdentity) -> Self {
        Self {
            store_id: store.store_id.clone(),
            cluster_id: store.cluster_id,
            epoch: store.epoch,
            revision: store.revision,
        }
    }

    /// True if `store` adds nothing to it.
    fn covers(&self, store: &StoreIdentity) -> bool {
        let same = (&self.store_id, self.cluster_id) == (&store.store_id, store.cluster_id);
        self.epoch > store.epoch
            || (same && self.epoch == store.epoch && self.revision >= store.revision)
    }
}

fn read(file: &Path) -> io::Result<Stores> {
    match std::fs::read(file) {
        Ok(text) => serde_json::from_slice(&text).map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Stores::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(dir: &Path, name: &str) -> Memory {
        Memory {
            file: dir.join("prefix").join(FILE),
            name: name.to_owned(),
        }
    }

    fn store(store_id: &str, epoch: u16, revision: i64) -> StoreIdentity {
        StoreIdentity {
            store_id: store_id.to_owned(),
            cluster_id: 7,
            epoch,
            revision,
            meta_revision: 0,
        }
    }

    #[tokio::test]
    async fn each_store_is_recalled_as_it_was_last_seen() {
        let dir = tempfile::tempdir().unwrap();
        let (here, there) = (memory(dir.path(), "here"), memory(dir.path(), "there"));
        assert_eq!(here.recall(), None);
        here.keep(&store("one", 0, 10)).await;
        there.keep(&store("other", 3, 5)).await;
        here.keep(&store("one", 0, 12)).await;
        assert_eq!(here.recall(), Some(store("one", 0, 12)));
        assert_eq!(there.recall(), Some(store("other", 3, 5)));
        let files = std::fs::read_dir(dir.path().join("prefix")).unwrap();
        assert_eq!(files.count(), 1, "nothing else is left");
    }

    #[tokio::test]
    async fn what_is_known_never_goes_back() {
        let dir = tempfile::tempdir().unwrap();
        let memory = memory(dir.path(), "here");
        memory.keep(&store("one", 1, 12)).await;
        memory.keep(&store("one", 1, 11)).await;
        memory.keep(&store("older", 0, 99)).await;
        assert_eq!(memory.recall(), Some(store("one", 1, 12)));
        // An operator has said that it may.
        memory.keep(&store("two", 2, 3)).await;
        assert_eq!(memory.recall(), Some(store("two", 2, 3)));
    }

    #[tokio::test]
    async fn a_damaged_file_is_nothing_known_and_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let memory = memory(dir.path(), "here");
        memory.keep(&store("one", 0, 10)).await;
        std::fs::write(&memory.file, "{ half").unwrap();
        assert_eq!(memory.recall(), None);
        memory.keep(&store("one", 0, 11)).await;
        assert_eq!(memory.recall(), Some(store("one", 0, 11)));
    }
}
