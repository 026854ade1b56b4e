//! What a seed means: a cluster, and what is done to it when. Made before anything runs, so that a
//! schedule can be read, and so that what a run draws at random cannot change it.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;

/// The lease that all nodes of a simulation ask for.
pub(crate) const TTL: Duration = Duration::from_secs(5);

#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    pub(crate) seed: u64,
    /// How long a message takes, at most.
    pub(crate) message: Duration,
    /// How far a process to which nothing is said may fall behind: time that a simulation saves.
    pub(crate) slack: Duration,
    /// How long a worker that is to stop may take for the record in hand.
    pub(crate) drain: Duration,
    /// Members of etcd.
    pub(crate) members: usize,
    pub(crate) nodes: usize,
    pub(crate) jobs: Vec<JobSpec>,
    /// What is done, in order.
    pub(crate) steps: Vec<Step>,
    /// When everything that is broken is mended.
    pub(crate) calm: Duration,
}

/// A job of the simulation. See `work` for what the numbers do.
#[derive(Debug, Clone, Default)]
pub(crate) struct JobSpec {
    pub(crate) name: &'static str,
    pub(crate) workers: u32,
    pub(crate) unit_ms: u64,
    pub(crate) unlock_ms: u64,
    pub(crate) aside_ms: u64,
    pub(crate) fails: u32,
    pub(crate) prepare_ms: u64,
    /// Workers prepare before they move.
    pub(crate) ahead: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) at: Duration,
    pub(crate) what: Op,
}

/// Which ways to etcd: of one node or of all, through one member or through all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ways {
    pub(crate) node: Option<usize>,
    pub(crate) member: Option<usize>,
}

/// Something that is done to the cluster. Nodes and members are numbers; a fault comes as a pair of
/// its begin and its end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Op {
    Start(usize),
    /// The process is killed: its lease stays.
    Kill(usize),
    /// The process drains and ends.
    Stop(usize),
    /// The process stands still.
    Pause(usize),
    Unpause(usize),
    Quiet(usize),
    Resume(usize),
    Freeze(Ways),
    Thaw(Ways),
    Refuse(Ways, bool),
    Delay(Ways, Duration),
    Cut(Ways),
    /// The next write happens and its answer is lost: with an error, or for ever.
    LoseReply(Ways, bool),
    FreezeEtcd(bool),
    Quorum(Ways, bool),
    NoSpace(bool),
    Compact,
    ChangeLeader,
    /// The clock of etcd leaps ahead: leases end that much earlier.
    Skew(Duration),
    /// A member does not know that it was deposed: it acknowledges and renews nothing.
    StaleLeader(usize),
    EndStaleLeader(usize),
    DeleteSlot(usize, u32),
    RevokeLease(usize),
    Scale(usize, u32),
    PauseJob(usize),
    ResumeJob(usize),
    /// The clock on the node's wall shows so many seconds more than it should, or less.
    Wall(usize, i64),
}

impl Schedule {
    /// The schedule of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let mut dice = Dice {
            rng: Rng::with_seed(seed ^ 0x5EED),
            nodes: 0,
            members: 0,
            jobs: 0,
            steps: Vec::new(),
        };
        dice.nodes = dice.rng.usize(2..=5);
        dice.members = if dice.rng.u8(0..3) == 0 { 1 } else { 3 };
        dice.jobs = dice.rng.usize(1..=3);
        let jobs = (0..dice.jobs).map(|job| dice.job(job)).collect();
        let message = Duration::from_millis(*dice.rng.choice(&[2, 5, 10, 10]).unwrap_or(&5));
        let drain = Duration::from_secs(*dice.rng.choice(&[1, 3, 8]).unwrap_or(&3));
        dice.starts();
        let length = dice.rng.u64(8_000..20_000);
        let faults = dice.rng.usize(1..=7);
        for _ in 0..faults {
            let at = dice.rng.u64(1_500..length);
            dice.fault(at);
        }
        if dice.rng.u8(0..6) == 0 {
            // Once, and by less than the margin of a lease: two clocks do not differ by more.
            let ahead = Duration::from_millis(dice.rng.u64(50..900));
            let at = dice.rng.u64(1_500..length);
            dice.step(at, Op::Skew(ahead));
        }
        let slack = Duration::from_millis(*dice.rng.choice(&[0, 20, 20, 20, 20]).unwrap_or(&20));
        let mut steps = dice.steps;
        // A stable sort: what is done at one moment is done in the order in which it was thought of.
        steps.sort_by_key(|step| step.at);
        // Sometimes everything is mended in the midst of it, and not when the last fault is over.
        if dice.rng.u8(0..3) == 0 {
            let end = Duration::from_millis(dice.rng.u64(4_000..length));
            steps.retain(|step| step.at <= end);
        }
        let last = steps.last().map_or(Duration::ZERO, |step| step.at);
        Self {
            seed,
            message,
            slack,
            drain,
            members: dice.members,
            nodes: dice.nodes,
            jobs,
            steps,
            calm: last + Duration::from_millis(100),
        }
    }

    /// How long after the calm a renewal may still arrive that a process sent before it was killed: whatever
    /// is on its way when a delay ends is as late as it would have been.
    pub(crate) fn last_words(&self) -> Duration {
        if !self
            .steps
            .iter()
            .any(|step| matches!(step.what, Op::Kill(_)))
        {
            return Duration::ZERO;
        }
        let arrivals = self.steps.iter().enumerate().filter_map(|(number, step)| {
            let Op::Delay(ways, delay) = step.what else {
                return None;
            };
            let over = Op::Delay(ways, Duration::ZERO);
            let end = self.steps[number..].iter().find(|later| later.what == over);
            Some(end.map_or(self.calm, |end| end.at) + delay)
        });
        let last = arrivals.max().unwrap_or_default();
        last.saturating_sub(self.calm)
    }

    /// All slots that the jobs have by configuration.
    pub(crate) fn slots(&self) -> Vec<String> {
        let jobs = self.jobs.iter();
        jobs.flat_map(|job| (0..job.workers).map(move |index| format!("{}@{index}", job.name)))
            .collect()
    }
}

struct Dice {
    rng: Rng,
    nodes: usize,
    members: usize,
    jobs: usize,
    steps: Vec<Step>,
}

impl Dice {
    fn job(&mut self, number: usize) -> JobSpec {
        let rng = &mut self.rng;
        let mut sometimes = |most: u64| match rng.u8(0..3) {
            0 => rng.u64(1..=most),
            _ => 0,
        };
        let (unlock_ms, aside_ms) = (sometimes(600), sometimes(3_000));
        let fails = sometimes(20) as u32;
        let prepare_ms = sometimes(1_500);
        let ahead = sometimes(1) == 1;
        JobSpec {
            name: ["alpha", "beta", "gamma"][number],
            workers: rng.u32(1..=4),
            unit_ms: *rng.choice(&[100, 400, 1_500, 5_000]).unwrap_or(&400),
            unlock_ms,
            aside_ms,
            fails,
            prepare_ms,
            ahead,
        }
    }

    fn step(&mut self, at_ms: u64, what: Op) {
        let at = Duration::from_millis(at_ms);
        self.steps.push(Step { at, what });
    }

    fn starts(&mut self) {
        for node in 0..self.nodes {
            // Most are there from the beginning, some come later.
            let at = match self.rng.u8(0..4) {
                0 => self.rng.u64(0..6_000),
                _ => self.rng.u64(0..200),
            };
            self.step(at, Op::Start(node));
        }
    }

    /// How long a fault lasts: shorter or longer than a lease.
    fn lasts(&mut self) -> u64 {
        match self.rng.u8(0..3) {
            0 => self.rng.u64(100..2_500),
            1 => self.rng.u64(2_500..6_000),
            _ => self.rng.u64(6_000..12_000),
        }
    }

    fn ways(&mut self) -> Ways {
        let node = self.rng.usize(0..self.nodes);
        let member = self.rng.usize(0..self.members);
        match self.rng.u8(0..4) {
            0 | 1 => Ways {
                node: Some(node),
                member: None,
            },
            2 => Ways {
                node: Some(node),
                member: Some(member),
            },
            _ => Ways {
                node: None,
                member: Some(member),
            },
        }
    }

    fn fault(&mut self, at: u64) {
        match self.rng.u8(0..21) {
            20 => self.late_answer(at),
            0..=4 => self.process_fault(at),
            5..=6 => self.stale_leader(at),
            7..=8 => self.flapping(at),
            9..=13 => self.way_fault(at),
            14..=17 => self.store_fault(at),
            _ => self.operator(at),
        }
    }

    fn process_fault(&mut self, at: u64) {
        let node = self.rng.usize(0..self.nodes);
        let later = at + self.lasts();
        match self.rng.u8(0..6) {
            0 | 1 => {
                self.step(at, Op::Kill(node));
                self.step(later, Op::Start(node));
            }
            2 => {
                self.step(at, Op::Stop(node));
                self.step(later, Op::Start(node));
            }
            3 | 4 => {
                self.step(at, Op::Pause(node));
                self.step(later, Op::Unpause(node));
            }
            _ => {
                self.step(at, Op::Quiet(node));
                self.step(later, Op::Resume(node));
            }
        }
    }

    fn stale_leader(&mut self, at: u64) {
        let member = self.rng.usize(0..self.members);
        let later = at + self.lasts();
        self.step(at, Op::StaleLeader(member));
        self.step(later, Op::EndStaleLeader(member));
    }

    /// A node that is cut off, or stands still, again and again, and hears of the world in between for
    /// moments only: long enough for one answer to an old question.
    fn flapping(&mut self, mut at: u64) {
        let node = self.rng.usize(0..self.nodes);
        let ways = Ways {
            node: Some(node),
            member: None,
        };
        let (begin, end) = match self.rng.bool() {
            true => (Op::Freeze(ways), Op::Thaw(ways)),
            false => (Op::Pause(node), Op::Unpause(node)),
        };
        for _ in 0..self.rng.u64(2..8) {
            self.step(at, begin.clone());
            at += self.rng.u64(200..3_200);
            self.step(at, end.clone());
            at += self.rng.u64(5..400);
        }
        self.step(at, Op::Freeze(ways));
        at += self.lasts();
        self.step(at, Op::Thaw(ways));
    }

    /// A node asks for a renewal, stands still, reads the answer when it wakes, and hears nothing more
    /// after that. What it read is as old as the question, whenever it was read.
    fn late_answer(&mut self, at: u64) {
        let node = self.rng.usize(0..self.nodes);
        let ways = Ways {
            node: Some(node),
            member: None,
        };
        let slow = self.rng.u64(100..480);
        let pause = at + self.rng.u64(1_000..3_000);
        let wake = pause + self.rng.u64(1_000..4_500);
        let silent = wake + slow + self.rng.u64(20..150);
        let end = silent + self.lasts();
        self.step(at, Op::Delay(ways, Duration::from_millis(slow)));
        self.step(pause, Op::Pause(node));
        self.step(wake, Op::Unpause(node));
        self.step(silent, Op::Freeze(ways));
        self.step(end, Op::Delay(ways, Duration::ZERO));
        self.step(end, Op::Thaw(ways));
    }

    fn way_fault(&mut self, at: u64) {
        let ways = self.ways();
        let later = at + self.lasts();
        match self.rng.u8(0..8) {
            0 | 1 => {
                self.step(at, Op::Freeze(ways));
                self.step(later, Op::Thaw(ways));
            }
            2 => {
                self.step(at, Op::Refuse(ways, true));
                self.step(later, Op::Refuse(ways, false));
            }
            3 => {
                let delay = Duration::from_millis(self.rng.u64(10..1_500));
                self.step(at, Op::Delay(ways, delay));
                self.step(later, Op::Delay(ways, Duration::ZERO));
            }
            4 => {
                self.step(at, Op::Quorum(ways, true));
                self.step(later, Op::Quorum(ways, false));
            }
            5 => self.step(at, Op::Cut(ways)),
            _ => {
                let silent = self.rng.bool();
                self.step(at, Op::LoseReply(ways, silent));
            }
        }
    }

    fn store_fault(&mut self, at: u64) {
        let later = at + self.lasts();
        match self.rng.u8(0..6) {
            0 => self.step(at, Op::ChangeLeader),
            1 => self.step(at, Op::Compact),
            2 => {
                self.step(at, Op::NoSpace(true));
                self.step(later, Op::NoSpace(false));
            }
            _ => {
                self.step(at, Op::FreezeEtcd(true));
                self.step(later, Op::FreezeEtcd(false));
            }
        }
    }

    fn operator(&mut self, at: u64) {
        let (job, node) = (self.rng.usize(0..self.jobs), self.rng.usize(0..self.nodes));
        let later = at + self.lasts();
        match self.rng.u8(0..6) {
            0 => {
                let index = self.rng.u32(0..4);
                self.step(at, Op::DeleteSlot(job, index));
            }
            1 => self.step(at, Op::RevokeLease(node)),
            2 | 3 => {
                let workers = self.rng.u32(0..=6);
                self.step(at, Op::Scale(job, workers));
            }
            4 => {
                let leap = self.rng.i64(-7_200..7_200);
                self.step(at, Op::Wall(node, leap));
            }
            _ => {
                self.step(at, Op::PauseJob(job));
                self.step(later, Op::ResumeJob(job));
            }
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seed {}: {} nodes, {} members of etcd; a message takes {:?}, a stop {:?}",
            self.seed, self.nodes, self.members, self.message, self.drain
        )?;
        for job in &self.jobs {
            writeln!(f, "{job:?}")?;
        }
        for step in &self.steps {
            writeln!(f, "{:8.3} {:?}", step.at.as_secs_f64(), step.what)?;
        }
        writeln!(f, "{:8.3} calm", self.calm.as_secs_f64())
    }
}
