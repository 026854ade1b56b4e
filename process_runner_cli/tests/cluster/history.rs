//! What ran when, as the programs themselves wrote it down, and whether two of one index overlapped.
//!
//! Each iteration appends lines while it lives, with the time of the one clock they share. A program
//! that is killed writes no last word, so what counts is its last sign of life.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The history of one cluster.
pub(crate) struct History {
    file: PathBuf,
}

/// One iteration.
#[derive(Debug, Clone)]
struct Run {
    node: String,
    fence: u64,
    begin: u128,
    last_sign: u128,
}

impl History {
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            file: dir.join("history"),
        }
    }

    /// A job's entry in the configuration: each iteration takes a third of a second, and says so
    /// to its end, also when it is asked to stop. `date` may be what the signal ends, so it is asked again.
    pub(crate) fn job(&self, job: &str, workers: u32) -> String {
        let script = format!(
            "say() {{ at=; while [ -z \"$at\" ]; do at=$(date +%s%N); done; \
             echo \"$1 $PR_JOB@$PR_WORKER_INDEX $PR_FENCE $PR_NODE $at\" >> {}; }}; \
             trap 'say alive; exit 0' TERM; say begin; \
             for part in 1 2 3; do sleep 0.1 & wait $!; say alive; done",
            self.file.display()
        );
        let script = script.replace('\'', "''");
        format!(
            "  {job}:\n    class: Command\n    workers: {workers}\n    \
             options:\n      command: [sh, -c, '{script}']\n"
        )
    }

    /// Panics if two iterations of one index overlapped, or if a fence went back. Answers how many
    /// iterations there were.
    pub(crate) fn judge(&self) -> usize {
        let slots = self.read();
        for (slot, runs) in &slots {
            for pair in runs.windows(2) {
                let [first, second] = pair else { continue };
                let apart = second.begin.checked_sub(first.last_sign);
                assert!(
                    apart.is_some(),
                    "{slot} ran twice at once: {first:?}, {second:?}"
                );
                assert!(second.fence >= first.fence, "{slot}: {first:?}, {second:?}");
                let same = second.fence == first.fence;
                assert!(
                    !same || second.node == first.node,
                    "{slot}: {first:?}, {second:?}"
                );
            }
        }
        slots.values().map(Vec::len).sum()
    }

    /// How many iterations of each index have begun.
    pub(crate) fn iterations(&self) -> BTreeMap<String, usize> {
        let slots = self.read().into_iter();
        slots.map(|(slot, runs)| (slot, runs.len())).collect()
    }

    /// How many iterations of one index have begun under `fence`.
    pub(crate) fn under(&self, slot: &str, fence: u64) -> usize {
        let slots = self.read();
        let runs = slots.get(slot).into_iter().flatten();
        runs.filter(|run| run.fence == fence).count()
    }

    /// The iterations of each index, in the order in which they began.
    fn read(&self) -> BTreeMap<String, Vec<Run>> {
        let mut slots: BTreeMap<String, Vec<Run>> = BTreeMap::new();
        for line in std::fs::read_to_string(&self.file).unwrap().lines() {
            let words: Vec<_> = line.split(' ').collect();
            let [what, slot, fence, node, at] = words[..] else {
                panic!("`{line}`")
            };
            let (fence, at) = (fence.parse().unwrap(), at.parse().unwrap());
            let runs = slots.entry(slot.to_owned()).or_default();
            // One node runs an index once at a time, so its last run under this fence is meant.
            let same = |run: &&mut Run| run.node == node && run.fence == fence;
            match runs.iter_mut().rev().find(same) {
                Some(run) if what != "begin" => run.last_sign = run.last_sign.max(at),
                // Also a sign of life before the first word: asked to stop, it may come to that.
                _ => runs.push(Run {
                    node: node.to_owned(),
                    fence,
                    begin: at,
                    last_sign: at,
                }),
            }
        }
        for runs in slots.values_mut() {
            runs.sort_by_key(|run| run.begin);
        }
        slots
    }
}
