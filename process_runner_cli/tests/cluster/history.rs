//! What ran when, as the programs themselves wrote it down, and whether two of one index overlapped.
//!
//! Each iteration appends a line when it begins and one when it ends, with the time of the one
//! clock they share. A program that was killed writes no end: it ended when its node's process and
//! everything below it was gone, which the test notes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The history of one cluster.
pub(crate) struct History {
    file: PathBuf,
    killed: BTreeMap<String, u128>,
}

/// One iteration.
#[derive(Debug, Clone)]
struct Run {
    node: String,
    fence: u64,
    begin: u128,
    end: Option<u128>,
}

impl History {
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            file: dir.join("history"),
            killed: BTreeMap::new(),
        }
    }

    /// A job's entry in the configuration: each iteration takes a third of a second, and writes an
    /// end also when it is asked to stop. `date` may be what the signal ends, so it is asked again.
    pub(crate) fn job(&self, job: &str, workers: u32) -> String {
        let script = format!(
            "say() {{ at=; while [ -z \"$at\" ]; do at=$(date +%s%N); done; \
             echo \"$1 $PR_JOB@$PR_WORKER_INDEX $PR_FENCE $PR_NODE $at\" >> {}; }}; \
             trap 'say end; exit 0' TERM; say begin; sleep 0.3 & wait $!; say end",
            self.file.display()
        );
        let script = script.replace('\'', "''");
        format!(
            "  {job}:\n    class: Command\n    workers: {workers}\n    \
             options:\n      command: [sh, -c, '{script}']\n"
        )
    }

    /// Nothing of `node` is left.
    pub(crate) fn killed(&mut self, node: String) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        self.killed.insert(node, now.as_nanos());
    }

    /// Panics if two iterations of one index overlapped, or if a fence went back. Answers how many
    /// iterations there were.
    pub(crate) fn judge(&self) -> usize {
        let slots = self.read();
        for (slot, runs) in &slots {
            for pair in runs.windows(2) {
                let [first, second] = pair else { continue };
                let end = self.end(first);
                assert!(
                    second.begin >= end,
                    "{slot} ran twice at once for {} us: {first:?}, {second:?}",
                    (end - second.begin) / 1000
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

    fn end(&self, run: &Run) -> u128 {
        run.end
            .or_else(|| self.killed.get(&run.node).copied())
            .unwrap_or_else(|| panic!("an iteration neither ended nor was killed: {run:?}"))
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
            if what == "begin" {
                runs.push(Run {
                    node: node.to_owned(),
                    fence,
                    begin: at,
                    end: None,
                });
                continue;
            }
            let open = |run: &&mut Run| run.node == node && run.fence == fence && run.end.is_none();
            if let Some(run) = runs.iter_mut().rev().find(open) {
                run.end = Some(at);
            }
        }
        for runs in slots.values_mut() {
            runs.sort_by_key(|run| run.begin);
        }
        slots
    }
}
