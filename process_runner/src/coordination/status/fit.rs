//! A status that etcd takes, however many workers the node has and however they fare.
//!
//! etcd refuses a request above 1.5 MiB (`--max-request-bytes`), and a status that is refused is one
//! that nobody ever sees. So a worker that merely runs is one of a range of indexes, and where that is
//! not enough, the status says less of each of the others: first no counters, then short reasons,
//! then nothing of the last ones but how many they are.

use crate::coordination::indexes::Indexes;
use crate::coordination::records::{StatusRecord, WorkerRecord, encode};
use crate::model::one_line;

/// Of a status, in bytes. It leaves room for what else is in the request, and for an etcd whose limit
/// was lowered.
const MOST: usize = 1 << 20;
/// Of a reason where many have to fit, in characters.
const SHORT_REASON: usize = 100;
/// The state of which nothing needs to be said.
const RUNNING: &str = "running";

impl StatusRecord {
    /// The status of a process with these workers.
    pub(crate) fn fit(incarnation: String, workers: Vec<WorkerRecord>) -> Self {
        let mut status = Self {
            incarnation,
            workers,
            ..Self::default()
        };
        status.gather();
        if status.size() <= MOST {
            return status;
        }
        status.uncounted = true;
        for worker in &mut status.workers {
            worker.drop_counters();
        }
        status.gather();
        if status.size() <= MOST {
            return status;
        }
        for worker in &mut status.workers {
            let reason = worker.reason.as_deref();
            worker.reason = reason.map(|reason| one_line(reason, SHORT_REASON));
        }
        status.leave_out();
        status
    }

    /// Puts back what [`StatusRecord::fit`] made ranges of, for slots that the node has under the same
    /// fence still, which `fence_of` knows.
    pub(crate) fn spread(&mut self, fence_of: impl Fn(&str, u32) -> Option<u64>) {
        for (job, indexes) in std::mem::take(&mut self.running) {
            for index in indexes.iter() {
                let fence = fence_of(&job, index).filter(|fence| *fence <= self.newest);
                let worker = fence.map(|fence| WorkerRecord::running(&job, index, fence));
                self.workers.extend(worker);
            }
        }
    }

    /// Makes ranges of the workers of which nothing is said but that they run.
    fn gather(&mut self) {
        let (plain, others): (Vec<_>, Vec<_>) =
            self.workers.drain(..).partition(WorkerRecord::merely_runs);
        self.workers = others;
        for worker in plain {
            self.newest = self.newest.max(worker.fence);
            let indexes: &mut Indexes = self.running.entry(worker.job).or_default();
            indexes.insert(worker.index);
        }
    }

    fn leave_out(&mut self) {
        let (workers, mut size) = (std::mem::take(&mut self.workers), self.size());
        let all = workers.len();
        let fitting = workers.into_iter().take_while(|worker| {
            size += encode(worker).len() + 1;
            size <= MOST
        });
        self.workers = fitting.collect();
        self.left_out = all - self.workers.len();
    }

    fn size(&self) -> usize {
        encode(self).len()
    }
}

impl WorkerRecord {
    fn running(job: &str, index: u32, fence: u64) -> Self {
        Self {
            job: job.to_owned(),
            index,
            fence,
            state: RUNNING.to_owned(),
            phase: None,
            reason: None,
            delayed_until_unix_ms: None,
            since_progress_ms: None,
            iterations: None,
            records: None,
            errors: None,
        }
    }

    fn merely_runs(&self) -> bool {
        let Self {
            job: _,
            index: _,
            fence: _,
            state,
            phase,
            reason,
            delayed_until_unix_ms,
            since_progress_ms,
            iterations,
            records,
            errors,
        } = self;
        let numbers = [
            delayed_until_unix_ms,
            since_progress_ms,
            iterations,
            records,
            errors,
        ];
        state == RUNNING
            && phase.is_none()
            && reason.is_none()
            && numbers.iter().all(|number| number.is_none())
    }

    fn drop_counters(&mut self) {
        self.phase = None;
        self.since_progress_ms = None;
        self.iterations = None;
        self.records = None;
        self.errors = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordination::scene::worker;

    fn plain(index: u32) -> WorkerRecord {
        WorkerRecord::running("work", index, 100 + u64::from(index))
    }

    #[test]
    fn workers_that_merely_run_are_ranges() {
        let failing = worker("work", 3, "backing_off", Some("no disk"));
        let counted = worker("work", 4, "running", None);
        let workers = [plain(0), plain(1), plain(2), failing, counted, plain(9)];
        let status = StatusRecord::fit("i".into(), workers.into());
        assert_eq!(status.running["work"].to_string(), "0-2,9");
        assert_eq!(status.workers.len(), 2);
        assert_eq!(status.left_out, 0);
    }

    #[test]
    fn what_was_a_range_is_read_back_but_for_slots_taken_anew() {
        let mut status = StatusRecord::fit("i".into(), (0..4).map(plain).collect());
        status.spread(|_, index| match index {
            0 => Some(100),
            1 => Some(104),
            2 => None,
            _ => Some(103),
        });
        assert_eq!(status.workers, [plain(0), plain(3)]);
    }

    #[test]
    fn a_full_node_tells_what_fits_and_first_of_all_what_does_not_run() {
        let counted = (0..100_000).map(|index| worker("work", index, "running", None));
        let failing = worker("work", 100_000, "backing_off", Some("no disk"));
        let status = StatusRecord::fit("i".into(), counted.chain([failing]).collect());
        assert!(status.size() <= MOST, "{}", status.size());
        assert_eq!(status.running["work"].to_string(), "0-99999");
        assert_eq!(status.workers[0].reason.as_deref(), Some("no disk"));
        assert!(status.uncounted && status.left_out == 0);
    }

    #[test]
    fn of_many_in_trouble_all_are_told_shortly_and_of_too_many_how_many_more() {
        let why = "x".repeat(1_000);
        let of = |count: u32| {
            let failing = (0..count).map(|at| worker("work", at, "crash_looping", Some(&why)));
            let status = StatusRecord::fit("i".into(), failing.collect());
            assert!(status.size() <= MOST, "{}", status.size());
            assert_eq!(status.workers.len() + status.left_out, count as usize);
            status
        };
        let reason = |status: &StatusRecord| status.workers[0].reason.as_ref().unwrap().len();
        assert_eq!((reason(&of(500)), of(500).left_out), (1_000, 0));
        let many = of(3_000);
        assert!(reason(&many) <= SHORT_REASON + 10 && many.left_out == 0);
        assert!(of(20_000).left_out > 0);
    }
}
