//! How one slot of this node is shown in its status.

use std::sync::atomic::Ordering;

use super::held::Held;
use crate::coordination::WorkerRecord;
use crate::model::{Condition, Moment, Slot, SlotState, StopReason};

/// The record of one slot; with counters only if somebody looks, since they change all the time.
pub(super) fn worker_record(slot: &Slot, held: &Held, now: Moment, counters: bool) -> WorkerRecord {
    let (state, reason) = state(held, now);
    let holding = held.holding.as_ref();
    let counted = holding.filter(|_| counters);
    let count = |counter: fn(&crate::job::Holding) -> u64| counted.map(|holding| counter(holding));
    WorkerRecord {
        job: slot.job.to_string(),
        index: slot.index,
        fence: holding.map_or(0, |holding| holding.fence()),
        state: state.to_owned(),
        phase: counted.map(|holding| holding.phase().name().to_owned()),
        reason,
        delayed_until_unix_ms: delay(held, now).flatten(),
        since_progress_ms: counted.map(|holding| {
            u64::try_from(now.since(holding.progress_at()).as_millis()).unwrap_or(u64::MAX)
        }),
        iterations: count(|holding| holding.counters.iterations.load(Ordering::Relaxed)),
        records: count(|holding| holding.counters.totals().0),
        errors: count(|holding| holding.counters.totals().1),
    }
}

/// `Some` while the worker may not begin, with the time on the wall at which it may, once that is known.
fn delay(held: &Held, now: Moment) -> Option<Option<u64>> {
    let holding = held.holding.as_ref()?;
    let waits = matches!(held.machine().state(), SlotState::Running { .. })
        && holding.fence() > 0
        && !holding.may_iterate(now);
    waits.then(|| holding.begin_at().map(|begin| begin.unix_ms))
}

/// The state's name in `status`, and the reason that every state but `running` has.
fn state(held: &Held, now: Moment) -> (&'static str, Option<String>) {
    let because = |reason: &str| Some(reason.to_owned());
    if let Some(until) = delay(held, now) {
        let reason = match until {
            Some(_) => "waiting for `lock_delay`: the worker before did not end cleanly",
            None => "waiting to learn how the worker before ended, because of `lock_delay`",
        };
        let state = if held.retiring { "retiring" } else { "waiting" };
        return (state, because(reason));
    }
    match held.machine().state() {
        SlotState::Running { .. } if held.retiring => ("retiring", retiring(held)),
        SlotState::Running { .. } => match held.holding.as_ref().map(|h| h.standing()) {
            None => ("starting", because("the worker is being started")),
            Some(standing) => match standing.condition {
                Condition::Healthy if held.stuck => ("stuck", stuck(held)),
                Condition::Healthy => ("running", None),
                Condition::BackingOff => ("backing_off", standing.reason),
                Condition::CrashLooping => ("crash_looping", standing.reason),
            },
        },
        SlotState::Stopping {
            reason: StopReason::GiveUp,
            phase,
            ..
        } => (
            "draining",
            Some(format!("the worker is asked to stop ({phase:?})").to_lowercase()),
        ),
        SlotState::Stopping {
            reason: StopReason::Suspend,
            ..
        } => ("draining", because("the lease cannot be renewed")),
        SlotState::Losing { .. } => ("draining", because("the slot is lost")),
        SlotState::Suspended { .. } => ("waiting", because("the lease is not firm")),
        SlotState::Reclaiming { .. } => ("starting", because("the slot is being taken anew")),
        SlotState::Parting { .. } => ("waiting", parting(held)),
        SlotState::Handing { .. } => ("draining", because("the slot is being handed over")),
        SlotState::Releasing { .. } => ("draining", because("the slot is being given back")),
        SlotState::Vacant => ("waiting", because("nobody owns the slot")),
    }
}

/// The worker ended, and the slot stays until something happens.
fn parting(held: &Held) -> Option<String> {
    Some(match &held.target {
        Some(target) => format!(
            "node `{}` could not take it; waiting for a new plan",
            target.node
        ),
        None => "the worker ended; waiting for the plan that says where the slot goes".to_owned(),
    })
}

fn retiring(held: &Held) -> Option<String> {
    let failure = held.holding.as_ref().and_then(|h| h.standing().reason);
    let what = "the job has fewer workers now; what a dead worker had locked is being unlocked";
    Some(failure.map_or(what.to_owned(), |failure| format!("{what}: {failure}")))
}

fn stuck(held: &Held) -> Option<String> {
    let phase = held
        .holding
        .as_ref()
        .map_or("", |holding| holding.phase().name());
    Some(format!(
        "no progress in {phase} for longer than `stuck_after`"
    ))
}
