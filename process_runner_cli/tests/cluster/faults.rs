//! What fails around two running nodes, by the numbers of the table of faults: members of etcd, the
//! network, the store itself.
//!
//! Three questions are asked each time: did an index ever run twice at once, was a worker disturbed
//! that need not be, does everything run again afterwards?

mod members;
mod network;
mod nodes;
mod store;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde_json::Value;
use tests::etcd::{Etcd, EtcdOptions, Version};
use tests::program::Program;
use tests::proxy::{Network, Proxy};

use crate::history::History;
use crate::node::Place;

/// Where the cluster's keys are.
const PREFIX: &str = "/f";
/// The one job.
const JOB: &str = "work";
/// Its indexes.
const INDEXES: u64 = 4;

/// Two nodes, `a` behind a network of its own, and the etcd they share.
struct Stage {
    etcd: Etcd,
    /// Between node `a` and each member.
    network: Vec<Proxy>,
    place: Place,
    history: History,
    nodes: Vec<Program>,
}

impl Stage {
    /// Both nodes run their share, with leases of `ttl` seconds.
    fn new(version: Version, members: usize, ttl: u32) -> Self {
        Self::on(EtcdOptions::new(version).members(members), ttl)
    }

    /// The same on an etcd that is started with `options`.
    fn on(options: EtcdOptions, ttl: u32) -> Self {
        Self::knowing(options.start().unwrap(), ttl, |_| true)
    }

    /// The same, and node `a` knows of these members only.
    fn knowing(etcd: Etcd, ttl: u32, known: impl Fn(usize) -> bool) -> Self {
        let addresses = etcd.endpoints();
        let network: Vec<_> = addresses
            .iter()
            .map(|endpoint| {
                let address = endpoint.trim_start_matches("http://").parse().unwrap();
                Proxy::to(address).unwrap()
            })
            .collect();
        let behind = network.iter().enumerate();
        let behind: Vec<_> = behind
            .filter(|(member, _)| known(*member))
            .map(|(_, proxy)| format!("http://{}", proxy.address()))
            .collect();
        let place = Place::new("{ embedded: true }", 1);
        let history = History::observing(place.path(), &etcd, PREFIX);
        let job = history.job(JOB, INDEXES as u32);
        for (name, endpoints) in [("config.yml", &addresses), ("a.yml", &behind)] {
            let endpoints = endpoints.join("\", \"");
            let etcd =
                format!("{{ endpoints: [\"{endpoints}\"], prefix: {PREFIX}, lease_ttl: {ttl}s }}");
            place.write(name, &format!("etcd: {etcd}\njobs:\n{job}"));
        }
        let nodes = vec![place.start_with("a.yml", "a"), place.start("b")];
        let stage = Self {
            etcd,
            network,
            place,
            history,
            nodes,
        };
        stage.until_even();
        stage
    }

    /// Waits until every index runs, on both nodes alike.
    fn until_even(&self) -> Value {
        self.place.status_when(|status| {
            let slots = |node: &Value| node["slots"].as_u64() == Some(INDEXES / 2);
            let nodes = status["nodes"].as_array();
            status["running"] == INDEXES
                && nodes.is_some_and(|nodes| nodes.len() == 2 && nodes.iter().all(slots))
        })
    }

    /// Waits until every index runs.
    fn until_all_run(&self) -> Value {
        self.place
            .status_when(|status| status["running"] == INDEXES)
    }

    /// The fence of each index. A worker that was not disturbed keeps it.
    fn fences(&self) -> BTreeMap<u64, u64> {
        let status = self.until_all_run();
        let slots = status["slots"].as_array().unwrap().iter();
        slots
            .map(|slot| {
                (
                    slot["index"].as_u64().unwrap(),
                    slot["fence"].as_u64().unwrap(),
                )
            })
            .collect()
    }

    /// What the network between node `a` and all members is like.
    fn network(&self, network: Network) {
        self.network.iter().for_each(|proxy| proxy.set(network));
    }

    /// Node `a` reaches this member, and no other one.
    fn leave_only(&self, member: usize) {
        for (other, proxy) in self.network.iter().enumerate() {
            proxy.set(match other == member {
                true => Network::Passes,
                false => Network::Refuses,
            });
        }
    }

    /// The worker process of each node.
    fn workers(&self) -> Vec<Pid> {
        let nodes = self.nodes.iter();
        nodes.map(|node| node.worker(None).unwrap()).collect()
    }

    /// Iterations begin, in each index, after now.
    fn until_each_works(&self) {
        let before = self.history.iterations();
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let now = self.history.iterations();
            let goes_on = |index: u64| {
                let index = format!("work@{index}");
                now.get(&index) > before.get(&index)
            };
            if (0..INDEXES).all(goes_on) {
                return;
            }
            assert!(Instant::now() < until, "{before:?}, {now:?}");
            std::thread::yield_now();
        }
    }

    /// Both nodes end in order, and no promise was ever broken. Answers what each of them said.
    fn end(mut self) -> Vec<Vec<String>> {
        self.until_each_works();
        let said = self.stop();
        self.history.judge();
        said
    }

    /// Both nodes end in order. Answers what each of them said.
    #[expect(
        clippy::print_stderr,
        reason = "what nodes said is shown if the test fails"
    )]
    fn stop(&mut self) -> Vec<Vec<String>> {
        for node in &self.nodes {
            node.signal(Signal::TERM).unwrap();
        }
        let end = |node: Program| {
            let ended = node.finish().unwrap();
            assert_eq!(ended.status.code(), Some(0), "{:#?}", ended.lines);
            eprintln!("{:#?}", ended.lines);
            ended.lines
        };
        self.nodes.drain(..).map(end).collect()
    }
}

/// Lets a fault last: its length is what is tested.
fn last(length: Duration) {
    std::thread::sleep(length);
}

fn number(variable: &str, default: u64) -> u64 {
    let set = std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok());
    set.unwrap_or(default)
}
