//! Leading the cluster, as decisions: who holds the posts, when to plan, and how much may move.
//!
//! ```text
//! posts     what the keys `leader` and `standby` say  --> campaign, take over, vacate
//! rhythm    events, passes, failures                  --> when the next pass is due, when to resign
//! turnover  members coming and going                  --> whether balance may move slots now
//! ```
//!
//! Three machines without a clock of their own. The shell tells them what it saw and when, asks what
//! is due, and sleeps until the earliest moment that one of them names.

mod posts;
mod rhythm;
mod turnover;

pub use posts::{Holder, Post, Posts, Sighting, Step};
pub use rhythm::{Rhythm, Verdict};
pub use turnover::Turnover;
