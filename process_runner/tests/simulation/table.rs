//! The fenced resource: what a database does for a job that fences its writes.
//!
//! A row for each slot holds the largest token it has seen and how many units are done. A token that
//! is smaller than the largest is refused, whatever it wants. Taking units shows the token first, so
//! that whoever had the slot before is shut out before anything is read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

#[derive(Debug, Clone, Default)]
pub(crate) struct Table(Arc<Mutex<BTreeMap<String, Row>>>);

#[derive(Debug, Default)]
struct Row {
    token: u64,
    done: u64,
}

impl Row {
    /// Accepts a token, or refuses it.
    fn fence(&mut self, token: u64) -> bool {
        let accepted = token >= self.token;
        self.token = self.token.max(token);
        accepted
    }
}

impl Table {
    /// How many units of the slot are done, unless the token is refused.
    pub(crate) fn take(&self, slot: &str, token: u64) -> Option<u64> {
        let mut rows = self.0.lock().unwrap();
        let row = rows.entry(slot.to_owned()).or_default();
        row.fence(token).then_some(row.done)
    }

    /// Marks a unit as done, unless the token is refused.
    pub(crate) fn commit(&self, slot: &str, token: u64, unit: u64) -> bool {
        let mut rows = self.0.lock().unwrap();
        let row = rows.entry(slot.to_owned()).or_default();
        let accepted = row.fence(token);
        if accepted {
            row.done = unit;
        }
        accepted
    }
}
