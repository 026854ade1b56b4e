//! The planner against an oracle that tries every plan, against what must hold in any history, and
//! on the inputs at which other balancers failed.
//!
//! `PR_PLANNER_HISTORIES` sets how many random histories are played, `PR_PLANNER_SEED` plays a
//! single one.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

mod cluster;
mod histories;
mod oracle;
mod placements;
mod regressions;
mod small;
