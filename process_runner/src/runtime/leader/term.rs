//! One term of office: what this leader knows to stand in etcd, and what it planned last.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::planned::Planned;
use super::retire::Retirement;
use crate::coordination::{Order, StoredPlan};
use crate::model::Moment;

/// Between two looks at what stands in etcd.
const AUDIT: Duration = Duration::from_secs(60);

/// A term of this node.
#[derive(Debug)]
pub(super) struct Term {
    /// The create_revision of the leader's key.
    pub(super) number: i64,
    /// Counts the passes.
    generation: u64,
    /// The plans as they stand in etcd.
    pub(super) stored: BTreeMap<Arc<str>, StoredPlan>,
    pub(super) planned: Planned,
    /// When what stands in etcd is to be read again. `None` before the first time.
    survey_at: Option<Moment>,
    /// When a plan changes by itself: a newcomer has settled, a pause ends.
    pub(super) next_change: Moment,
    pub(super) retirement: Retirement,
}

impl Term {
    pub(super) fn new(number: i64, now: Moment) -> Self {
        Self {
            number,
            generation: 0,
            stored: BTreeMap::new(),
            planned: Planned::default(),
            survey_at: None,
            next_change: Moment::NEVER,
            retirement: Retirement::new(now),
        }
    }

    /// The order under which the next pass writes.
    pub(super) fn next_order(&mut self) -> Order {
        self.generation += 1;
        self.order()
    }

    /// The order under which the last pass wrote.
    pub(super) fn order(&self) -> Order {
        Order {
            term: self.number,
            generation: self.generation,
        }
    }

    /// True after the first survey.
    pub(super) fn is_surveyed(&self) -> bool {
        self.survey_at.is_some()
    }

    pub(super) fn survey_due(&self, now: Moment) -> bool {
        self.survey_at.is_none_or(|at| now >= at)
    }

    /// Takes in what stands in etcd. The first survey also says what the leader before had planned;
    /// later on this leader knows better.
    pub(super) fn surveyed(&mut self, plans: BTreeMap<Arc<str>, StoredPlan>, now: Moment) {
        if !self.is_surveyed() {
            self.planned = Planned::of(&plans);
        }
        self.stored = plans;
        self.survey_at = Some(now + AUDIT);
    }

    /// Notes what became of a plan.
    pub(super) fn note(&mut self, node: Arc<str>, stands: Option<StoredPlan>) {
        match stands {
            Some(plan) => self.stored.insert(node, plan),
            None => self.stored.remove(&node),
        };
    }
}
