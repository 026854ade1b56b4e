//! The one clock of a node, chosen once and handed to whoever needs the time.
//!
//! Deadlines of a lease must hold while the machine sleeps, so production reads `CLOCK_BOOTTIME`
//! (`std::time::Instant` stands still during a suspend). A simulation reads tokio's clock, which
//! can be paused. Timers of tokio are only used to wake up; what is due is decided by this clock.

use std::cell::Cell;

use crate::model::Moment;

thread_local! {
    /// What the clock on the wall shows to this thread, if a simulation says so.
    static WALL: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Where moments come from. Two nodes of one process may use different clocks.
#[derive(Debug, Clone, Copy)]
pub struct Clock(Source);

#[derive(Debug, Clone, Copy)]
enum Source {
    Boot,
    Tokio {
        start: tokio::time::Instant,
        unix_ms: u64,
    },
}

impl Clock {
    /// `CLOCK_BOOTTIME`: monotonic, and counting while the machine is suspended.
    pub const fn boot() -> Self {
        Self(Source::Boot)
    }

    /// Tokio's clock, so that a test may pause it.
    pub fn tokio() -> Self {
        Self(Source::Tokio {
            start: tokio::time::Instant::now(),
            unix_ms: system_unix_ms(),
        })
    }

    /// The present moment. About 25 ns on the boot clock.
    pub fn now(&self) -> Moment {
        match self.0 {
            Source::Boot => {
                let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
                Moment::from_nanos(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
            }
            // An hour past zero, so that subtracting a margin never meets the start of time.
            Source::Tokio { start, .. } => {
                Moment::ZERO + std::time::Duration::from_secs(3600) + start.elapsed()
            }
        }
    }

    /// Milliseconds since 1970, for times that people agreed on. May leap either way, so nothing that
    /// concerns a lease, a deadline or a fence asks for it.
    pub fn unix_ms(&self) -> u64 {
        match (self.0, WALL.get()) {
            (_, Some(unix_ms)) => unix_ms,
            (Source::Boot, None) => system_unix_ms(),
            (Source::Tokio { start, unix_ms }, None) => {
                unix_ms + start.elapsed().as_millis() as u64
            }
        }
    }

    /// Makes the clock on the wall show these milliseconds since 1970 to this thread, whichever clock is
    /// asked, until it is set again: for simulations.
    #[doc(hidden)]
    pub fn set_wall(unix_ms: u64) {
        WALL.set(Some(unix_ms));
    }

    /// Sleeps until `moment` by this clock. Returns at once if it has passed.
    ///
    /// Cancel safe.
    pub async fn sleep_until(&self, moment: Moment) {
        loop {
            let left = moment.since(self.now());
            if left.is_zero() {
                return;
            }
            // A timer can be late or, on the boot clock, early by a suspend: look again.
            tokio::time::sleep(left).await;
        }
    }
}

fn system_unix_ms() -> u64 {
    // A clock that stands before 1970 is wrong in any case.
    std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |elapsed| elapsed.as_millis() as u64)
}
