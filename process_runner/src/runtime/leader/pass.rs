//! One pass, as a computation: from everything the leader knows to the orders.
//!
//! It is pure, so a panic in it leaves nothing half done: it is caught and counts as a failed pass.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::Planner;
use super::orders::{Orders, orders};
use super::picture::Picture;
use super::planned::Planned;
use super::term::Term;
use super::view::{Sources, assemble};
use crate::coordination::StoredConfig;
use crate::model::Moment;
use crate::model::leading::Turnover;
use crate::runtime::attempt::panic_message;

/// What a pass came to.
pub(super) struct Pass {
    pub(super) orders: Orders,
    pub(super) planned: Planned,
    /// When the first pause ends by itself, in milliseconds since 1970.
    pub(super) resumes_at: Option<u64>,
}

/// What a pass looks at, besides its term.
pub(super) struct Desk<'a> {
    pub(super) picture: &'a Picture,
    pub(super) configs: &'a BTreeMap<String, StoredConfig>,
    pub(super) turnover: &'a Turnover,
    pub(super) now: Moment,
    pub(super) unix_ms: u64,
}

impl<'a> Desk<'a> {
    /// What a view is put together from, after `planned`.
    pub(super) fn sources(&self, planned: &'a Planned) -> Sources<'a> {
        Sources {
            picture: self.picture,
            configs: self.configs,
            planned,
            turnover: self.turnover,
            now: self.now,
            unix_ms: self.unix_ms,
        }
    }
}

/// Plans, and compares with what stands in etcd. The message of a panic is the error.
pub(super) fn pass(desk: &Desk<'_>, term: &mut Term, planner: Planner) -> Result<Pass, String> {
    let ordered = term.next_order();
    let compute = || {
        let assembled = assemble(&desk.sources(&term.planned));
        let plan = planner(&assembled.view, desk.turnover.scope(desk.now));
        let orders = orders(&assembled, &plan, desk.picture, &term.stored, ordered);
        let nodes = assembled.nodes.iter();
        let nodes = nodes.map(|(_, member)| Arc::clone(&member.incarnation));
        let jobs: Vec<_> = assembled
            .view
            .jobs
            .iter()
            .map(|j| Arc::clone(&j.job))
            .collect();
        Pass {
            orders,
            planned: Planned::new(nodes.collect(), &jobs, plan),
            resumes_at: assembled.in_force.resumes_at,
        }
    };
    catch_unwind(AssertUnwindSafe(compute)).map_err(|panic| panic_message(panic.as_ref()))
}

#[cfg(test)]
mod tests;
