//! Carrying out orders: first the plans, gainers before losers, one transaction after the other; then
//! the grants, several transactions at once.
//!
//! A node whose plan was refused changed meanwhile: nothing is granted to it, and the next pass sees
//! what it became. A leader that is killed anywhere in here leaves a state that the next one
//! continues: it reads the plans that were written and grants what is still free.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::orders::Orders;
use crate::coordination::{
    CallError, Grant, Guarded, PlanAnswer, PlanWrite, Session, StoredPlan, grants_in_transactions,
    plans_in_transactions,
};
use crate::model::leading::Sighting;

/// So many transactions of grants are under way at once.
const AT_ONCE: usize = 8;

/// How it went.
#[derive(Debug)]
pub(super) enum Outcome {
    Done,
    /// A part was refused: the cluster is no longer as it was planned for.
    Outdated,
    /// The term is over.
    Deposed([Sighting; 2]),
    /// etcd refused for good.
    Failed(CallError),
}

/// How it went, and what stands in etcd now.
#[derive(Debug)]
pub(super) struct Carried {
    pub(super) outcome: Outcome,
    /// Plans by node; `None` where there is none any more.
    pub(super) plans: Vec<(Arc<str>, Option<StoredPlan>)>,
}

/// Carries out `orders` while `term` lasts.
///
/// Dropped, the outcome of what was under way is unknown; a new survey tells.
pub(super) async fn carry_out(session: Session, term: i64, orders: Orders) -> Carried {
    let mut plans = Vec::new();
    let outcome = match write_plans(&session, term, orders.plans, &mut plans).await {
        Ok(refused) => {
            let mut grants = orders.grants;
            grants.retain(|grant| !refused.contains(&grant.node));
            match grant(&session, term, grants).await {
                Outcome::Done if !refused.is_empty() => Outcome::Outdated,
                outcome => outcome,
            }
        }
        Err(outcome) => outcome,
    };
    Carried { outcome, plans }
}

/// Writes the plans; the nodes whose plans were refused.
async fn write_plans(
    session: &Session,
    term: i64,
    writes: Vec<PlanWrite>,
    plans: &mut Vec<(Arc<str>, Option<StoredPlan>)>,
) -> Result<BTreeSet<Arc<str>>, Outcome> {
    let mut refused = BTreeSet::new();
    for chunk in plans_in_transactions(writes) {
        let answers = match session.write_plans(term, &chunk).await {
            Ok(Guarded::Done(answers)) => answers,
            Ok(Guarded::Deposed(posts)) => return Err(Outcome::Deposed(posts)),
            Err(error) => return Err(Outcome::Failed(error)),
        };
        for (write, answer) in chunk.into_iter().zip(answers) {
            match answer {
                PlanAnswer::Written { revision } => {
                    let record = write.record;
                    plans.push((write.node, Some(StoredPlan { record, revision })));
                }
                PlanAnswer::Refused { stands } => {
                    refused.insert(Arc::clone(&write.node));
                    plans.push((write.node, stands));
                }
            }
        }
        // The losers wait: what they give up may be meant for a node that is no longer there.
        if !refused.is_empty() {
            break;
        }
    }
    Ok(refused)
}

async fn grant(session: &Session, term: i64, grants: Vec<Grant>) -> Outcome {
    let mut waiting = grants_in_transactions(grants).into_iter();
    let mut running = JoinSet::new();
    let mut outcome = Outcome::Done;
    loop {
        while running.len() < AT_ONCE && matches!(outcome, Outcome::Done | Outcome::Outdated) {
            let Some(grants) = waiting.next() else { break };
            let session = session.clone();
            running.spawn(async move { session.grant(term, &grants).await });
        }
        let Some(answer) = running.join_next().await else {
            return outcome;
        };
        outcome = match answer {
            Ok(Ok(Guarded::Done(took_place))) if took_place.iter().all(|done| *done) => outcome,
            Ok(Ok(Guarded::Done(_))) => worse(outcome, Outcome::Outdated),
            Ok(Ok(Guarded::Deposed(posts))) => Outcome::Deposed(posts),
            Ok(Err(error)) => worse(outcome, Outcome::Failed(error)),
            Err(error) => {
                let reason = format!("a grant ended without an answer: {error}");
                worse(outcome, Outcome::Failed(CallError::Unknown(reason)))
            }
        };
    }
}

/// A failure is not forgotten because of a later, smaller one.
fn worse(one: Outcome, other: Outcome) -> Outcome {
    match (&one, &other) {
        (Outcome::Deposed(_), _) | (Outcome::Failed(_), Outcome::Outdated) => one,
        _ => other,
    }
}
