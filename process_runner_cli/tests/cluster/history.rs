//! What ran when, as the programs themselves wrote it down, and the judge's verdict on it.
//!
//! Each iteration appends lines while it lives, with the time of the one clock they share. A program
//! that is killed writes no last word, so what counts is its last sign of life. What etcd says of the
//! slots, if it can be observed, and what the test did to nodes is judged together with that.
//!
//! Linux writes a line that crosses a page of the file in two parts: a reader may see the first alone, and
//! whoever is killed may leave it alone for good. So a line begins on a new line, and ends with a mark.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use tests::etcd::{Etcd, Observer, wall};
use tests::history::{Event, Rules, What, judge};

const RULES: Rules = Rules {
    // A process that wakes up has to look at its clock and to kill its programs.
    wake: Duration::from_secs(1),
    // The next renewal notices, with the longest lease of these tests.
    notice: Duration::from_secs(3),
    recover: Duration::MAX,
};

/// Stands at the end of each line.
const WHOLE: &str = ".";

/// The history of one cluster.
pub(crate) struct History {
    file: PathBuf,
    observer: Option<Observer>,
    done: Mutex<Vec<Event>>,
}

/// One iteration.
#[derive(Debug, Clone)]
struct Run {
    node: String,
    fence: u64,
    begin: Duration,
    last_sign: Duration,
}

impl History {
    /// Of a cluster whose etcd nobody can look into.
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            file: dir.join("history"),
            observer: None,
            done: Mutex::default(),
        }
    }

    /// Of a cluster on a real etcd, under `prefix`.
    pub(crate) fn observing(dir: &Path, etcd: &Etcd, prefix: &str) -> Self {
        let observer = Some(Observer::start(etcd, prefix));
        Self {
            observer,
            ..Self::new(dir)
        }
    }

    /// A job's entry in the configuration: each iteration takes a third of a second, and says so
    /// to its end, also when it is asked to stop. `date` may be what the signal ends, so it is asked again.
    pub(crate) fn job(&self, job: &str, workers: u32) -> String {
        let work = "for part in 1 2 3; do sleep 0.1 & wait $!; say alive; done";
        self.job_that(job, workers, work)
    }

    /// The same for iterations that do nothing, for ever.
    pub(crate) fn resting_job(&self, job: &str, workers: u32) -> String {
        self.job_that(job, workers, "sleep 1000 & wait $!")
    }

    fn job_that(&self, job: &str, workers: u32, work: &str) -> String {
        let script = format!(
            "say() {{ at=; while [ -z \"$at\" ]; do at=$(date +%s%N); done; \
             printf \"\\n$1 $PR_JOB@$PR_WORKER_INDEX $PR_FENCE $PR_NODE $at{WHOLE}\" >> {}; }}; \
             trap 'say alive; exit 0' TERM; say begin; {work}",
            self.file.display()
        );
        let script = script.replace('\'', "''");
        format!(
            "  {job}:\n    class: Command\n    workers: {workers}\n    \
             options:\n      command: [sh, -c, '{script}']\n"
        )
    }

    /// Writes down what the test does, before it does it.
    pub(crate) fn note(&self, what: What) {
        let event = Event { at: wall(), what };
        self.done.lock().unwrap().push(event);
    }

    /// Panics if the judge finds a broken promise: two iterations of one index at once, one under a
    /// fence that was superseded or never granted, one that outlived its slot. Answers how many
    /// iterations there were.
    pub(crate) fn judge(&self) -> usize {
        let slots = self.read();
        let violations = judge(&self.events(&slots), RULES);
        let violations: Vec<_> = violations.iter().map(ToString::to_string).collect();
        assert!(violations.is_empty(), "{}", violations.join("\n"));
        slots.values().map(Vec::len).sum()
    }

    /// Everything in one order.
    fn events(&self, slots: &BTreeMap<String, Vec<Run>>) -> Vec<Event> {
        let observer = self.observer.as_ref();
        let mut events = observer.map_or_else(Vec::new, Observer::events);
        as_early_as_seen(&mut events, slots);
        events.extend(self.done.lock().unwrap().iter().cloned());
        for (slot, runs) in slots {
            for run in runs {
                events.extend(run.events(slot));
            }
        }
        // Stable: at one moment the store comes first, and an end before the next begin.
        events.sort_by_key(|event| event.at);
        events
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

    /// Under which fences a node began its iterations, in the order in which it began them.
    pub(crate) fn begun_by(&self, node: &str) -> Vec<u64> {
        let slots = self.read();
        let runs = slots.values().flatten().filter(|run| run.node == node);
        let mut begun: Vec<_> = runs.map(|run| (run.begin, run.fence)).collect();
        begun.sort_unstable();
        begun.into_iter().map(|(_, fence)| fence).collect()
    }

    /// The iterations of each index, in the order in which they began.
    fn read(&self) -> BTreeMap<String, Vec<Run>> {
        let mut slots: BTreeMap<String, Vec<Run>> = BTreeMap::new();
        // Before the first word there is no file.
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        for line in text.lines().filter_map(|line| line.strip_suffix(WHOLE)) {
            let words: Vec<_> = line.split(' ').collect();
            let [what, slot, fence, node, at] = words[..] else {
                panic!("`{line}`")
            };
            let (fence, at) = (fence.parse().unwrap(), at.parse().unwrap());
            let at = Duration::from_nanos(at);
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

impl Run {
    fn events(&self, slot: &str) -> [Event; 3] {
        let (slot, process, token) = (slot.to_owned(), self.node.clone(), self.fence);
        let acquired = What::Acquired {
            slot: slot.clone(),
            process: process.clone(),
            token,
        };
        let began = What::Began {
            slot: slot.clone(),
            process: process.clone(),
            token,
        };
        let ended = What::Ended {
            slot,
            process,
            token,
        };
        [
            (self.begin, acquired),
            (self.begin, began),
            (self.last_sign, ended),
        ]
        .map(|(at, what)| Event { at, what })
    }
}

/// What the store did was seen a moment later. It had granted a fence before anybody worked under it,
/// and whatever it did before that was earlier still.
fn as_early_as_seen(store: &mut [Event], slots: &BTreeMap<String, Vec<Run>>) {
    let mut latest = Duration::MAX;
    for event in store.iter_mut().rev() {
        if let What::Granted { slot, token, .. } = &event.what {
            let runs = slots.get(slot).into_iter().flatten();
            let first = runs.filter(|run| run.fence == *token).map(|run| run.begin);
            latest = latest.min(first.min().unwrap_or(Duration::MAX));
        }
        latest = latest.min(event.at);
        event.at = latest;
    }
}

#[test]
fn half_a_line_is_no_sign_of_life() {
    let dir = tempfile::tempdir().unwrap();
    let history = History::new(dir.path());
    let signs = "\nbegin work@1 7 a 100.\nalive work@1 7 a 20\nalive wor\nbegin work@2 8 b 300.";
    std::fs::write(&history.file, signs).unwrap();
    let slots = history.read();
    let runs = slots.values().flatten();
    let seen: Vec<_> = runs
        .map(|run| (run.fence, run.last_sign.as_nanos()))
        .collect();
    assert_eq!(seen, [(7, 100), (8, 300)]);
}
