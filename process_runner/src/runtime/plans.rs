//! What each configured job needs to run, put together once at start.
//!
//! Everything that can be wrong with a class is found here, before the node registers: an unknown
//! class, options that do not fit, a lock driver without its state.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::NodeError;
use super::iteration::IterationRules;
use super::worker::WorkerPlan;
use crate::app::Registry;
use crate::config::{Config, JobConfig};
use crate::model::{Backoff, PacingRules};
use crate::state::States;

/// The jobs this node declares, by name.
pub(super) type Plans = BTreeMap<Arc<str>, Arc<WorkerPlan>>;

/// Puts the plans together for the jobs in `only`, or for all.
pub(super) fn plans(
    config: &Config,
    registry: &Registry,
    states: &Arc<States>,
    until_idle: bool,
) -> Result<Plans, NodeError> {
    config
        .jobs
        .values()
        .map(|job| {
            let plan = plan(job, registry, states, until_idle)?;
            Ok((Arc::clone(&job.name), Arc::new(plan)))
        })
        .collect()
}

fn plan(
    job: &JobConfig,
    registry: &Registry,
    states: &Arc<States>,
    until_idle: bool,
) -> Result<WorkerPlan, NodeError> {
    let class = *registry
        .class(&job.class)
        .ok_or_else(|| NodeError::UnknownClass {
            job: job.name.to_string(),
            class: job.class.clone(),
            known: registry
                .classes()
                .map(|class| class.name)
                .collect::<Vec<_>>()
                .join(", "),
        })?;
    // Building one value and dropping it tells now what would otherwise fail in every worker.
    (class.build)(&job.options, states).map_err(|source| NodeError::Job {
        job: job.name.to_string(),
        class: job.class.clone(),
        source,
    })?;
    let failure = Backoff {
        min: job.retry.min,
        max: job.retry.max,
    };
    Ok(WorkerPlan {
        class,
        options: job.options.clone(),
        states: Arc::clone(states),
        driver: (class.driver)(states).map(Arc::from),
        iteration: IterationRules {
            retries: job.retry.record,
            retry: failure,
            record_timeout: job.record_timeout,
        },
        pacing: PacingRules {
            interval: job.interval,
            idle: job.idle,
            failure,
        },
        stuck_after: job.stuck_after,
        lock_delay: job.lock_delay,
        until_idle,
    })
}
