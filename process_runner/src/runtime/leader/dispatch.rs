//! Carrying out orders: first the plans, gainers before losers, one transaction after the other; then
//! the grants, several transactions at once.
//!
//! A node whose plan was refused changed meanwhile: nothing is granted to it, and the next pass sees
//! what it became. Grants that were not sent yet are withheld when a node joins: at the start of a large
//! cluster the first nodes would be given everything, only to hand it over again. A leader that is killed
//! anywhere in here leaves a state that the next one continues: it reads the plans that were written and
//! grants what is still free.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinSet;

use super::orders::Orders;
use crate::coordination::{
    CallError, Grant, Guarded, PlanAnswer, PlanWrite, Session, StoredPlan, grants_in_transactions,
    plans_in_transactions,
};
use crate::model::Slot;
use crate::model::leading::Sighting;

/// So many transactions of grants are under way at once to begin with. Each one that is answered makes
/// room for another one more, up to [`MOST_AT_ONCE`]: a newcomer is noticed before much was sent, and
/// the start of a large cluster does not wait for answers.
const AT_ONCE: usize = 1;
const MOST_AT_ONCE: usize = 4;

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
    /// Slots whose grants were not sent, because a node joined.
    pub(super) withheld: Vec<Slot>,
}

/// Says that a node joined since the orders were drawn up.
pub(super) type Joined = Arc<AtomicBool>;

/// Carries out `orders` while `term` lasts.
///
/// Dropped, the outcome of what was under way is unknown; a new survey tells.
pub(super) async fn carry_out(
    session: Session,
    term: i64,
    orders: Orders,
    joined: Joined,
) -> Carried {
    let mut carried = Carried {
        outcome: Outcome::Done,
        plans: Vec::new(),
        withheld: Vec::new(),
    };
    let refused = match write_plans(&session, term, orders.plans, &mut carried.plans).await {
        Ok(refused) => refused,
        Err(outcome) => return Carried { outcome, ..carried },
    };
    let mut grants = orders.grants;
    grants.retain(|grant| !refused.contains(&grant.node));
    let outcome = grant(&session, term, grants, &joined, &mut carried.withheld).await;
    carried.outcome = match outcome {
        Outcome::Done if !refused.is_empty() => Outcome::Outdated,
        outcome => outcome,
    };
    carried
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

async fn grant(
    session: &Session,
    term: i64,
    grants: Vec<Grant>,
    joined: &Joined,
    withheld: &mut Vec<Slot>,
) -> Outcome {
    let mut waiting = grants_in_transactions(grants).into_iter();
    // These are sent whoever joins, so that an endless row of newcomers does not stop everything.
    let mut first = AT_ONCE;
    let mut window = AT_ONCE;
    let mut running = JoinSet::new();
    let mut outcome = Outcome::Done;
    loop {
        while running.len() < window && matches!(outcome, Outcome::Done | Outcome::Outdated) {
            if first == 0 && joined.load(Ordering::Relaxed) {
                withheld.extend(waiting.by_ref().flatten().flat_map(|grant| grant.slots));
            }
            let Some(grants) = waiting.next() else { break };
            first = first.saturating_sub(1);
            let session = session.clone();
            running.spawn(async move { session.grant(term, &grants).await });
        }
        let Some(answer) = running.join_next().await else {
            return outcome;
        };
        window = (window + 1).min(MOST_AT_ONCE);
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
