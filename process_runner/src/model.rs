//! The pure layer: every decision of the runner as a value.
//!
//! **Law: this layer imports `std` and nothing else.** No tokio, no etcd, no tracing, no clock, no
//! randomness. Time is an argument ([`Moment`]), chance is an argument (a number in `0.0..1.0`),
//! and what is to be done comes back as a value. So every order of events can be tried in a test,
//! in microseconds. The laws of `tests/tests/laws.rs` hold it.

pub mod duration;
mod ids;
mod iteration;
pub mod leading;
mod lease_term;
mod legible;
mod lock_delay;
mod moment;
mod pacing;
pub mod planner;
mod slot;
mod stop;
pub mod view;

pub use ids::{Fence, Slot};
pub use iteration::{Ending, Hold, Iteration, Outcome, Step};
pub use lease_term::LeaseTerm;
pub(crate) use legible::{Legible, one_line};
pub use lock_delay::{Before, ended_clean};
pub use moment::Moment;
pub use pacing::{Backoff, CRASH_LOOP_AFTER, Condition, Pacing, PacingRules, Pause};
pub use slot::{Effect, Event, Nonce, SlotMachine, SlotState, StopReason, StopTimes};
pub use stop::StopPhase;
