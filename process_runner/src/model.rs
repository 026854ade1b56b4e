//! The pure layer: every decision of the runner as a value.
//!
//! **Law: this layer imports `std` and nothing else.** No tokio, no etcd, no tracing, no clock, no
//! randomness. Time is an argument ([`Moment`]), chance is an argument (a number in `0.0..1.0`),
//! and what is to be done comes back as a value. So every order of events can be tried in a test,
//! in microseconds. `tests/layers.rs` holds the law.

mod ids;
mod iteration;
mod moment;
mod pacing;
mod stop;

pub use ids::{Fence, Slot};
pub use iteration::{Ending, Hold, Iteration, Outcome, Step};
pub use moment::Moment;
pub use pacing::{Backoff, Condition, Pacing, PacingRules, Pause};
pub use stop::StopPhase;
