//! What happened, in the order in which it happened. All processes write into it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tests::history::{Event, What};

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

    /// For a process that writes at its own time.
    pub(crate) fn pen(&self, time: Time) -> Pen {
        Pen {
            trace: self.clone(),
            time,
            lifted: Arc::default(),
        }
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap().events.clone()
    }
}

/// What a process writes with, until it is killed.
#[derive(Debug, Clone)]
pub(crate) struct Pen {
    trace: Trace,
    time: Time,
    lifted: Arc<AtomicBool>,
}

impl Pen {
    pub(crate) fn write(&self, what: What) {
        if !self.lifted.load(Ordering::Relaxed) {
            let at = self.time.now();
            let mut written = self.trace.0.lock().unwrap();
            written.events.push(Event { at, what });
        }
    }

    /// Nothing more is written. `kill -9` runs no destructor, but a process of the simulation is
    /// dropped, its tasks in an order that differs from run to run.
    pub(crate) fn lift(&self) {
        self.lifted.store(true, Ordering::Relaxed);
    }
}
