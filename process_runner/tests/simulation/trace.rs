//! What happened, in the order in which it happened. All processes write into it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tests::history::{Event, What};
use tokio::runtime::Handle;

use super::peer::Time;

#[derive(Debug, Clone, Default)]
pub(crate) struct Trace(Arc<Mutex<Written>>);

#[derive(Debug, Default)]
struct Written {
    /// Up to where the simulation has got.
    now: Duration,
    events: Vec<Event>,
}

impl Trace {
    pub(crate) fn set_now(&self, now: Duration) {
        self.0.lock().unwrap().now = now;
    }

    /// Written down by the simulation itself.
    pub(crate) fn write(&self, what: What) {
        let mut written = self.0.lock().unwrap();
        let at = written.now;
        written.events.push(Event { at, what });
    }

    pub(crate) fn note(&self, text: impl Into<String>) {
        self.write(What::Note(text.into()));
    }

    /// Written down by a process, at its own time. A process that is being thrown away has none.
    pub(crate) fn write_at(&self, time: Time, what: What) {
        if Handle::try_current().is_err() {
            return self.write(what);
        }
        let at = time.now();
        self.0.lock().unwrap().events.push(Event { at, what });
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap().events.clone()
    }
}
