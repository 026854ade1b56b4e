//! Which free slots a node takes, within its caps.
//!
//! First come, first served: a free slot of a job that this node declares is taken, lowest index
//! first and the jobs in turn, until a cap is reached. Who *should* hold what is the planner's
//! business; this rule only makes sure that nothing stands still while somebody has room.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Slot;

/// What the node knows of a job's size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSize {
    /// The job.
    pub job: Arc<str>,
    /// How many workers it has cluster-wide.
    pub workers: u32,
    /// How many of them one node runs at most.
    pub max_per_node: Option<u32>,
}

/// The slots to take now.
///
/// `busy` are the slots this node holds or is taking, `taken` those that somebody owns in etcd,
/// `done` those it does not want (drained already).
pub fn to_claim(
    jobs: &[JobSize],
    max_workers: Option<u32>,
    busy: &BTreeSet<Slot>,
    taken: &BTreeSet<Slot>,
    done: &BTreeSet<Slot>,
) -> Vec<Slot> {
    let mut room = max_workers
        .map_or(usize::MAX, |max| max as usize)
        .saturating_sub(busy.len());
    let mut per_job: BTreeMap<&str, u32> = BTreeMap::new();
    for slot in busy {
        *per_job.entry(&slot.job).or_default() += 1;
    }
    let mut claims = Vec::new();
    let longest = jobs.iter().map(|job| job.workers).max().unwrap_or(0);
    for index in 0..longest {
        for job in jobs.iter().filter(|job| index < job.workers) {
            if room == 0 {
                return claims;
            }
            let held = per_job.entry(&job.job).or_default();
            if job.max_per_node.is_some_and(|max| *held >= max) {
                continue;
            }
            let slot = Slot {
                job: Arc::clone(&job.job),
                index,
            };
            if busy.contains(&slot) || taken.contains(&slot) || done.contains(&slot) {
                continue;
            }
            *held += 1;
            room -= 1;
            claims.push(slot);
        }
    }
    claims
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(name: &str, workers: u32, max_per_node: Option<u32>) -> JobSize {
        JobSize {
            job: name.into(),
            workers,
            max_per_node,
        }
    }

    fn set(slots: &[(&str, u32)]) -> BTreeSet<Slot> {
        slots
            .iter()
            .map(|(job, index)| Slot::new(*job, *index))
            .collect()
    }

    fn names(slots: &[Slot]) -> Vec<String> {
        slots.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn jobs_take_turns_until_the_nodes_cap() {
        let jobs = [job("a", 3, None), job("b", 3, None)];
        let none = BTreeSet::new();
        let claims = to_claim(&jobs, Some(3), &none, &none, &none);
        assert_eq!(names(&claims), ["a@0", "b@0", "a@1"]);
    }

    #[test]
    fn what_is_busy_taken_or_done_is_left_and_counts_where_it_should() {
        let jobs = [job("a", 5, Some(2))];
        let claims = to_claim(
            &jobs,
            None,
            &set(&[("a", 0)]),
            &set(&[("a", 0), ("a", 1)]),
            &set(&[("a", 2)]),
        );
        assert_eq!(names(&claims), ["a@3"]);
    }

    #[test]
    fn empty_and_parked_jobs_claim_nothing() {
        let none = BTreeSet::new();
        assert!(to_claim(&[], None, &none, &none, &none).is_empty());
        assert!(to_claim(&[job("a", 0, None)], None, &none, &none, &none).is_empty());
        assert!(to_claim(&[job("a", 4, None)], Some(0), &none, &none, &none).is_empty());
    }
}
