//! Keeps what is known of the store up to date: for the next session, and now and then for the next process.
//!
//! # How it fails
//!
//! What cannot be kept is said by the memory, and tried again a minute later. The node runs on.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::Control;
use crate::model::Moment;

/// A backup that is younger than this is not told from the store it was taken of, by a process that is
/// started after it was set up.
const INTERVAL: Duration = Duration::from_secs(60);

/// Writes the memory of the store.
#[derive(Debug, Default)]
pub(super) struct Remembering {
    /// Not at once: the registration keeps a store that is new to it.
    due: Option<Moment>,
    keeping: Option<JoinHandle<()>>,
}

impl Control<'_> {
    /// Takes in that a renewal saw this revision.
    pub(super) fn remember(&mut self, revision: i64) {
        self.registrar.saw(revision);
        let now = self.clock.now();
        let remembering = &mut self.remembering;
        let idle = remembering.keeping.as_ref();
        let idle = idle.is_none_or(JoinHandle::is_finished);
        let due = *remembering.due.get_or_insert(now + INTERVAL);
        if now < due || !idle {
            return;
        }
        remembering.due = Some(now + INTERVAL);
        let connection = Arc::clone(&self.connection);
        if let Some(store) = self.registrar.store() {
            remembering.keeping = Some(tokio::spawn(async move {
                if let Some(memory) = &connection.memory {
                    memory.keep(&store).await;
                }
            }));
        }
    }
}

impl Drop for Remembering {
    fn drop(&mut self) {
        if let Some(keeping) = &self.keeping {
            keeping.abort();
        }
    }
}
