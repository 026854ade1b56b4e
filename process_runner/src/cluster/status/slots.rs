//! How each slot stands, and why it does not run if it does not.
//!
//! An owned slot stands as its node says. Of one that nobody owns it is asked, in this order: is
//! the job paused, is the slot done, is it planned, does it fit anywhere, is there a leader.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{SlotStatus, why_not};
use crate::cluster::in_force::InForce;
use crate::cluster::picture::Picture;
use crate::coordination::{OwnedSlot, WorkerRecord};
use crate::model::{Slot, duration};

/// A state of the interface's list, with the reason that every one but `running` has.
type Standing = (String, Option<String>);

/// Every slot in force, and every other one that somebody still holds.
pub(super) fn slots(picture: &Picture<'_>) -> Vec<SlotStatus> {
    let wanted = picture.jobs.iter().flat_map(|(job, in_force)| {
        (0..in_force.workers).map(|index| Slot {
            job: Arc::clone(job),
            index,
        })
    });
    let extra = picture.cluster.slots.keys().filter(|slot| {
        let in_force = picture.jobs.get(&slot.job);
        in_force.is_none_or(|in_force| slot.index >= in_force.workers)
    });
    let mut all: Vec<Slot> = wanted.chain(extra.cloned()).collect();
    all.sort();
    // The same for all slots of a job, and not cheap.
    let mut obstacles = HashMap::new();
    all.iter()
        .map(|slot| status(picture, slot, &mut obstacles))
        .collect()
}

/// One slot.
pub(in crate::cluster) fn slot(picture: &Picture<'_>, slot: &Slot) -> SlotStatus {
    status(picture, slot, &mut HashMap::new())
}

/// Why slots of a job fit nowhere, once it was asked.
type Obstacles = HashMap<Arc<str>, Option<String>>;

fn status(picture: &Picture<'_>, slot: &Slot, obstacles: &mut Obstacles) -> SlotStatus {
    let owned = picture.cluster.slots.get(slot);
    let worker = owned.and_then(|owned| picture.report(slot, owned));
    let (state, reason) = match owned {
        Some(owned) => held(picture, slot, owned, worker),
        None => vacant(picture, slot, obstacles),
    };
    let count = |read: fn(&WorkerRecord) -> Option<u64>| worker.and_then(read);
    SlotStatus {
        job: slot.job.to_string(),
        index: slot.index,
        node: owned.map(|owned| owned.record.owner.clone()),
        planned: picture.planned(slot).map(str::to_owned),
        fence: owned.and_then(|owned| picture.fence(owned)),
        state,
        phase: worker.and_then(|worker| worker.phase.clone()),
        since_progress_ms: count(|worker| worker.since_progress_ms),
        iterations: count(|worker| worker.iterations),
        records: count(|worker| worker.records),
        errors: count(|worker| worker.errors),
        reason,
    }
}

/// A slot with an owner.
fn held(
    picture: &Picture<'_>,
    slot: &Slot,
    owned: &OwnedSlot,
    worker: Option<&WorkerRecord>,
) -> Standing {
    let owner = &owned.record.owner;
    if picture.cluster.living_owner(owned).is_none() {
        return state("waiting", dead_owner(picture, owner));
    }
    let workers = picture.jobs.get(&slot.job).map_or(0, |job| job.workers);
    if let Some((worker, until)) = worker.and_then(|it| Some((it, it.delayed_until_unix_ms?))) {
        return state(&worker.state, delayed(worker, until, picture.now));
    }
    if owned.record.retiring {
        let reason = "granted only to unlock what a dead worker had locked";
        return state("retiring", reason.to_owned());
    }
    if slot.index >= workers {
        let reason = format!(
            "`{}` has {workers} workers; node `{owner}` gives it up",
            slot.job
        );
        return state("retiring", reason);
    }
    match worker {
        None => untold(picture, owned),
        Some(worker) if worker.state == "draining" => {
            let own = worker.reason.clone().unwrap_or_default();
            let why = leaves_for(picture, slot, owner).map_or(own.clone(), |why| {
                if own.is_empty() {
                    why
                } else {
                    format!("{why}: {own}")
                }
            });
            state("draining", why)
        }
        Some(worker) => {
            let reason = worker.reason.clone();
            let missing = worker.state != "running" && reason.is_none();
            let unsaid = missing.then(|| format!("node `{owner}` gives no reason"));
            (worker.state.clone(), reason.or(unsaid))
        }
    }
}

/// A slot that its node says nothing of.
fn untold(picture: &Picture<'_>, owned: &OwnedSlot) -> Standing {
    let owner = owned.record.owner.as_str();
    // What an earlier process of the node left out says nothing of this one.
    let status = picture.cluster.statuses.get(owner);
    let status = status.filter(|status| status.incarnation == owned.record.incarnation);
    match status.map_or(0, |status| status.left_out) {
        0 => state(
            "starting",
            format!("node `{owner}` has not reported it yet"),
        ),
        workers => {
            let reason = format!(
                "node `{owner}` has more workers that do not run than fit its report, which leaves out \
                 {workers}; its log has them all"
            );
            state("waiting", reason)
        }
    }
}

/// "waiting for `lock_delay`: the worker before did not end cleanly; another 12s".
fn delayed(worker: &WorkerRecord, until_unix_ms: u64, now_unix_ms: u64) -> String {
    let left = until_unix_ms.saturating_sub(now_unix_ms).div_ceil(1000);
    let left = duration::show(Duration::from_secs(left));
    let reason = worker
        .reason
        .as_deref()
        .unwrap_or("waiting for `lock_delay`");
    format!("{reason}; another {left}")
}

/// Why a living owner lets the slot go, where the plans say it.
fn leaves_for(picture: &Picture<'_>, slot: &Slot, owner: &str) -> Option<String> {
    if let Some(pause) = picture
        .jobs
        .get(&slot.job)
        .and_then(|job| job.pause.as_ref())
    {
        return Some(pause.describe(picture.now));
    }
    let target = picture.planned(slot).filter(|target| *target != owner)?;
    Some(format!("node `{owner}` hands it over to node `{target}`"))
}

fn dead_owner(picture: &Picture<'_>, owner: &str) -> String {
    if picture.cluster.members.contains_key(owner) {
        format!("an earlier process of node `{owner}` holds it until its lease runs out")
    } else {
        format!("node `{owner}` is gone; waiting until its lease runs out")
    }
}

/// A slot that nobody owns.
fn vacant(picture: &Picture<'_>, slot: &Slot, obstacles: &mut Obstacles) -> Standing {
    let Some(job) = picture.jobs.get(&slot.job) else {
        return state("unplaced", "no living node declares the job".to_owned());
    };
    if let Some(pause) = &job.pause {
        return state("paused", pause.describe(picture.now));
    }
    if let Some(key) = picture.unreadable(slot) {
        let reason =
            format!("its key `{key}` cannot be read; no node is given it until that is deleted");
        return state("waiting", reason);
    }
    if let Some(node) = picture.done_by(slot) {
        let reason = format!("node `{node}` found no more work for it and runs until idle");
        return state("waiting", reason);
    }
    let leader = picture.cluster.leader.is_some();
    if let Some(node) = picture.planned(slot) {
        let what = if leader {
            "waiting for the leader's grant"
        } else {
            "there is no leader to grant it"
        };
        return state("waiting", format!("planned for node `{node}`; {what}"));
    }
    match obstacle(picture, &slot.job, job, obstacles) {
        Some(reason) => state("unplaced", reason),
        None if leader => state("waiting", "the leader has not planned it yet".to_owned()),
        None => state("waiting", "there is no leader to plan it".to_owned()),
    }
}

fn obstacle(
    picture: &Picture<'_>,
    name: &Arc<str>,
    job: &InForce<'_>,
    obstacles: &mut Obstacles,
) -> Option<String> {
    if let Some(known) = obstacles.get(name) {
        return known.clone();
    }
    let found = why_not::obstacle(picture, name, job);
    obstacles.insert(Arc::clone(name), found.clone());
    found
}

fn state(state: &str, reason: String) -> Standing {
    (state.to_owned(), Some(reason))
}
