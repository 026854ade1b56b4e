//! Nodes join, drain and die at random, while every iteration writes down when it began and ended.
//!
//! `PR_CHAOS_SECONDS` sets how long (12 unless set), `PR_CHAOS_SEED` which schedule.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use fastrand::Rng;
use rustix::process::Signal;
use serde_json::Value;
use tests::etcd::{Etcd, Version};
use tests::program::Program;

use crate::history::History;
use crate::node::Place;

/// Two jobs, so that the totals count as well.
const JOBS: [(&str, u32); 2] = [("one", 9), ("two", 6)];

#[test]
fn ten_nodes_on_three_members_never_run_an_index_twice_and_end_balanced() {
    let etcd = Etcd::cluster(Version::V34, 3).unwrap();
    let endpoints = etcd.endpoints().join("\", \"");
    let section = format!("{{ endpoints: [\"{endpoints}\"], prefix: /chaos, lease_ttl: 5s }}");
    let observed = |dir: &Path| History::observing(dir, &etcd, "/chaos");
    Chaos::new(&section, 10, observed).run();
}

#[test]
fn three_nodes_on_the_embedded_etcd_never_run_an_index_twice_and_end_balanced() {
    let section = "{ embedded: true, data_dir: ./etcd, lease_ttl: 5s }";
    Chaos::new(section, 3, History::new).run();
}

struct Chaos {
    place: Place,
    history: History,
    nodes: BTreeMap<String, Program>,
    /// Those of them whose worker process is not the first one.
    crashed: BTreeSet<String>,
    most: usize,
    started: u32,
    rng: Rng,
}

impl Chaos {
    fn new(etcd: &str, most: usize, history: impl Fn(&Path) -> History) -> Self {
        let place = Place::new(etcd, 1);
        let history = history(place.path());
        let jobs: String = JOBS
            .iter()
            .map(|(job, workers)| history.job(job, *workers))
            .collect();
        place.write("config.yml", &format!("etcd: {etcd}\njobs:\n{jobs}"));
        let seed = number("PR_CHAOS_SEED").unwrap_or(7);
        Self {
            place,
            history,
            nodes: BTreeMap::new(),
            crashed: BTreeSet::new(),
            most,
            started: 0,
            rng: Rng::with_seed(seed),
        }
    }

    fn run(mut self) {
        for _ in 0..self.most / 2 + 1 {
            self.join();
        }
        let length = Duration::from_secs(number("PR_CHAOS_SECONDS").unwrap_or(12));
        let until = Instant::now() + length;
        while Instant::now() < until {
            // The schedule itself is what is random here; nothing waits for a result.
            std::thread::sleep(Duration::from_millis(self.rng.u64(100..1500)));
            self.disturb();
        }
        // The leader gives slots to nodes that never crashed first, and shares them evenly there.
        while self.nodes.len() < self.crashed.len() + 2 {
            self.join();
        }
        let status = self.place.status_when(is_at_rest);
        for program in self.nodes.values() {
            program.signal(Signal::TERM).unwrap();
        }
        for (node, program) in std::mem::take(&mut self.nodes) {
            let ended = program.finish().unwrap();
            assert_eq!(ended.status.code(), Some(0), "{node}: {:#?}", ended.lines);
        }
        let iterations = self.history.judge();
        assert!(iterations > 50, "only {iterations} iterations: {status:#}");
    }

    fn disturb(&mut self) {
        let few = self.nodes.len() < 2;
        match self.rng.u32(0..10) {
            _ if few => self.join(),
            0..=3 if self.nodes.len() < self.most => self.join(),
            0..=5 => self.drain(),
            _ => self.kill(),
        }
    }

    fn join(&mut self) {
        let node = format!("n{}", self.started);
        self.started += 1;
        let program = self.place.start(&node);
        self.nodes.insert(node, program);
    }

    fn drain(&mut self) {
        let (node, program) = self.any();
        program.signal(Signal::TERM).unwrap();
        let ended = program.finish().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{node}: {:#?}", ended.lines);
    }

    /// Kills the worker process, which another one replaces; the guardian, after which the worker
    /// process drains; or both, as a machine's death does.
    fn kill(&mut self) {
        let (node, program) = self.any();
        match self.rng.u32(0..4) {
            0 => {
                program.signal(Signal::KILL).unwrap();
                program.finish().unwrap();
            }
            1 => {
                program.signal_all(Signal::KILL).unwrap();
                program.finish().unwrap();
            }
            _ => {
                program.signal_worker(Signal::KILL).unwrap();
                self.crashed.insert(node.clone());
                self.nodes.insert(node, program);
            }
        }
    }

    fn any(&mut self) -> (String, Program) {
        let at = self.rng.usize(0..self.nodes.len());
        let node = self.nodes.keys().nth(at).unwrap().clone();
        let program = self.nodes.remove(&node).unwrap();
        self.crashed.remove(&node);
        (node, program)
    }
}

/// Every index runs, and of the nodes that did not crash none has two more than another, of a job or
/// in all.
fn is_at_rest(status: &Value) -> bool {
    let slots = status["slots"].as_array().unwrap();
    let nodes: Vec<_> = status["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|node| node["crashes"] == 0)
        .map(|node| &node["node"])
        .collect();
    let spread = |job: Option<&str>| {
        let held = |node: &Value| {
            let counted =
                |slot: &&Value| slot["node"] == *node && job.is_none_or(|job| slot["job"] == *job);
            slots.iter().filter(counted).count()
        };
        let counts: Vec<_> = nodes.iter().map(|node| held(node)).collect();
        counts.iter().max().unwrap_or(&0) - counts.iter().min().unwrap_or(&0)
    };
    status["desired"] == status["running"]
        && spread(None) <= 1
        && JOBS.iter().all(|(job, _)| spread(Some(job)) <= 1)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
