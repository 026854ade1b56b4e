//! The simulated world: processes, etcd and whoever is outside, moved on together step by step.
//!
//! ```text
//! one step:  operations that are due -> every node runs -> etcd runs -> the outside runs
//! ```
//!
//! Within a step a node's requests reach etcd after all nodes have run, and the answers reach it in
//! the next step. So what etcd does in answer to one node is seen by another only later, as it
//! should be.

use std::collections::BTreeMap;
use std::time::Duration;

use process_runner::Clock;
use process_runner::chance::seed_this_thread;
use process_runner::config::{Config, Request, load};
use process_runner::{App, config::Loaded};
use tests::history::What;

use super::logs::{show, speaks};
use super::outside::Outside;
use super::peer::Peer;
use super::process::Process;
use super::schedule::{Op, Schedule, TTL};
use super::store::Store;
use super::table::Table;
use super::trace::Trace;

/// The clock on the wall when a simulation begins: some day in 2025.
const WALL_MS: u64 = 1_750_000_000_000;
/// After its process ended by itself, a node is started again.
const SUPERVISOR: Duration = Duration::from_millis(1000);

pub(crate) struct World {
    pub(crate) now: Duration,
    pub(crate) trace: Trace,
    pub(crate) outside: Outside,
    pub(crate) store: Store,
    schedule: Schedule,
    config: Config,
    table: Table,
    nodes: BTreeMap<usize, Process>,
    /// How often each node was started.
    runs: Vec<u32>,
    /// By how many seconds the clock on each node's wall is wrong.
    walls: Vec<i64>,
    /// Nodes whose process ended by itself, and when it is started again.
    again: BTreeMap<usize, Duration>,
    /// Nodes that were told to stop: nobody starts those again by himself.
    stopping: Vec<bool>,
    _dir: tempfile::TempDir,
}

impl World {
    pub(crate) fn new(schedule: &Schedule) -> Self {
        show();
        seed_this_thread(schedule.seed);
        Clock::set_wall(WALL_MS);
        let now = Duration::ZERO;
        let trace = Trace::default();
        let store = Store::new(schedule, now);
        let outside = Outside::new(&store.etcd, &trace, now, schedule.slack);
        let dir = tempfile::tempdir().unwrap();
        Self {
            now,
            trace,
            outside,
            store,
            config: config(schedule, dir.path()),
            schedule: schedule.clone(),
            table: Table::default(),
            nodes: BTreeMap::new(),
            runs: vec![0; schedule.nodes],
            walls: vec![0; schedule.nodes],
            again: BTreeMap::new(),
            stopping: vec![false; schedule.nodes],
            _dir: dir,
        }
    }

    /// Runs the world up to `until`.
    pub(crate) fn run_until(&mut self, until: Duration) {
        while self.now < until {
            self.step();
        }
    }

    fn step(&mut self) {
        let due: Vec<_> = self
            .again
            .iter()
            .filter(|(_, at)| **at <= self.now)
            .collect();
        for node in due.into_iter().map(|(node, _)| *node).collect::<Vec<_>>() {
            self.start(node);
        }
        // So far each process runs before the next one does: that is what makes a message take time.
        let until = self.now + self.schedule.message;
        let wall = WALL_MS + self.now.as_millis() as u64;
        let mut ended = Vec::new();
        for (node, process) in &mut self.nodes {
            Clock::set_wall(wall.saturating_add_signed(self.walls[*node] * 1000));
            speaks(self.now, &process.name);
            if let Some(end) = process.step(self.now, until) {
                ended.push((*node, end));
            }
        }
        Clock::set_wall(wall);
        speaks(self.now, "etcd");
        self.store.peer.step(self.now, until);
        speaks(self.now, "outside");
        self.outside.peer.step(self.now, until);
        self.now = until;
        self.trace.set_now(until);
        for (node, end) in ended {
            self.ended(node, &end);
        }
    }

    /// A process ended by itself.
    fn ended(&mut self, node: usize, end: &str) {
        if let Some(process) = self.nodes.remove(&node) {
            self.trace.note(format!("{} ended: {end}", process.name));
            process.kill();
        }
        if !self.stopping[node] {
            self.again.insert(node, self.now + SUPERVISOR);
        }
    }

    pub(crate) fn carry_out(&mut self, op: &Op) {
        self.trace.note(format!("{op:?}"));
        let jobs = &self.schedule.jobs;
        match *op {
            Op::Start(node) => self.start(node),
            Op::Kill(node) => {
                self.again.remove(&node);
                if let Some(process) = self.nodes.remove(&node) {
                    process.kill();
                }
            }
            Op::Stop(node) => {
                self.stopping[node] = true;
                self.again.remove(&node);
                self.with(node, |process| process.handle.stop());
            }
            Op::Pause(node) => self.with(node, Process::pause),
            Op::Unpause(node) => {
                let now = self.now;
                self.with(node, |process| process.resume(now));
            }
            Op::Quiet(node) => self.with(node, |process| process.handle.quiet()),
            Op::Resume(node) => self.with(node, |process| process.handle.resume()),
            Op::DeleteSlot(job, index) => {
                self.outside
                    .delete_slot(format!("{}@{index}", jobs[job].name));
            }
            Op::RevokeLease(node) => {
                if let Some(process) = self.nodes.get(&node) {
                    let process = process.name.clone();
                    self.outside.revoke_lease(name(node), process);
                }
            }
            Op::Wall(node, seconds) => self.walls[node] = seconds,
            Op::Scale(job, workers) => self.outside.scale(jobs[job].name, workers),
            Op::PauseJob(job) => self.outside.pause_job(jobs[job].name, true),
            Op::ResumeJob(job) => self.outside.pause_job(jobs[job].name, false),
            ref other => self.store.carry_out(other),
        }
    }

    fn with(&mut self, node: usize, work: impl FnOnce(&mut Process)) {
        if let Some(process) = self.nodes.get_mut(&node) {
            work(process);
        }
    }

    fn start(&mut self, node: usize) {
        self.again.remove(&node);
        // A process that was told to stop may still be at it: then it is not started again.
        if self.nodes.contains_key(&node) {
            return;
        }
        self.stopping[node] = false;
        self.runs[node] += 1;
        let process = format!("{}#{}", name(node), self.runs[node]);
        self.trace.note(format!("{process} starts"));
        let mut config = self.config.clone();
        config.node.name = Some(name(node));
        let etcd = self.store.for_node(node);
        let books = (&self.trace, &self.table);
        let peer = Peer::new(self.now, self.schedule.slack);
        let process = Process::start(process, config, etcd, books, peer);
        self.nodes.insert(node, process);
    }

    /// Ends every fault, starts every node that is down, and takes back what operators asked for.
    pub(crate) fn mend(&mut self) {
        self.store.mend();
        self.walls.fill(0);
        let now = self.now;
        for node in 0..self.schedule.nodes {
            self.with(node, |process| {
                process.handle.resume();
                process.resume(now);
            });
            self.stopping[node] = false;
            self.start(node);
        }
        for job in &self.schedule.jobs {
            self.outside.reset(job.name);
        }
        let slots = self.schedule.slots();
        self.trace.write(What::Calm { slots });
    }

    /// How many slots the node with the most has more than the one with the fewest.
    pub(crate) fn spread(&self) -> usize {
        let mut counts: BTreeMap<String, usize> =
            self.nodes.keys().map(|node| (name(*node), 0)).collect();
        for node in self.outside.owners().into_values() {
            *counts.entry(node).or_default() += 1;
        }
        let most = counts.values().max().copied().unwrap_or(0);
        most - counts.values().min().copied().unwrap_or(0)
    }

    /// True if the store says that every slot of the configuration has an owner.
    pub(crate) fn is_whole(&self) -> bool {
        let owners = self.outside.owners();
        let mut slots = self.schedule.slots().into_iter();
        slots.all(|slot| owners.contains_key(&slot))
    }

    /// True if so, and no other slot has one.
    pub(crate) fn is_complete(&self) -> bool {
        let slots = self.schedule.slots();
        self.is_whole() && self.outside.owners().len() == slots.len()
    }
}

fn name(node: usize) -> String {
    format!("n{node}")
}

/// What all nodes of a schedule are told.
fn config(schedule: &Schedule, dir: &std::path::Path) -> Config {
    let mut yaml = format!(
        "etcd: {{ embedded: true, data_dir: {}, lease_ttl: {}s }}\n\
         global: {{ shutdown_timeout: {}s }}\njobs:\n",
        dir.display(),
        TTL.as_secs(),
        schedule.drain.as_secs()
    );
    for job in &schedule.jobs {
        let super::schedule::JobSpec {
            name,
            workers,
            unit_ms,
            unlock_ms,
            aside_ms,
            fails,
            prepare_ms,
            ahead,
        } = job;
        let ahead = if *ahead { "2s" } else { "0s" };
        yaml += &format!(
            "  {name}: {{ class: Work, workers: {workers}, prepare_ahead: {ahead}, retry: {{ min: 50ms, max: 500ms }}, \
             options: {{ unit_ms: {unit_ms}, unlock_ms: {unlock_ms}, aside_ms: {aside_ms}, fails: {fails}, prepare_ms: {prepare_ms} }} }}\n"
        );
    }
    let path = dir.join("config.yml");
    std::fs::write(&path, yaml).unwrap();
    let registry = App::new()
        .state(async || Err::<super::work::Desk, _>(std::io::Error::other("never built")))
        .into_registry()
        .unwrap();
    let request = Request {
        path: Some(&path),
        environment: None,
        env: &|_| None,
        classes: Some(&registry),
    };
    let Loaded { config, .. } = load(&request).unwrap_or_else(|problems| panic!("{problems}"));
    config
}
