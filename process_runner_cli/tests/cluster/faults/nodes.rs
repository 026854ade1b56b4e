//! Nodes that stand still past their lease, and one with many slots that dies among many.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use tests::etcd::{Etcd, VERSIONS};
use tests::history::What;
use tests::program::Program;

use super::{INDEXES, JOB, PREFIX, Stage, last};
use crate::history::History;
use crate::node::Place;

/// Neither the guardian nor the node nor its programs notice anything, until all of them wake up and
/// others have had their slots for seconds.
#[test]
fn f18_a_node_that_is_suspended_past_its_lease_with_all_its_processes_begins_nothing_late() {
    for version in VERSIONS {
        let stage = Stage::new(version, 1, 5);
        let a = &stage.nodes[0];
        let process = "a".to_owned();
        stage.history.note(What::Paused { process });
        let tree = a.signal_tree(Signal::STOP).unwrap();
        assert!(tree.len() > 3, "programs were to be stopped, too: {tree:?}");
        stage.place.status_when(|status| {
            status["running"] == INDEXES && status["nodes"].as_array().unwrap().len() == 1
        });
        stage.until_each_works();
        last(Duration::from_secs(3));
        let begun = stage.history.begun_by("a");
        let others = stage.history.begun_by("b").into_iter().max();
        let process = "a".to_owned();
        stage.history.note(What::Resumed { process });
        a.signal_tree(Signal::CONT).unwrap();
        stage.until_even();
        stage.until_each_works();
        let late = stage.history.begun_by("a").split_off(begun.len());
        let anew = late.iter().all(|fence| Some(*fence) > others);
        assert!(anew && !late.is_empty(), "{late:?}, {others:?} before");
        stage.end();
    }
}

/// What one node of the crowd has, and what each of the others.
const SHARES: (u64, u64) = (100, 1);
/// How many others there are.
const OTHERS: u64 = 9;

/// When a host is lost, its slots are free once its lease runs out. A hundred of them run again not much
/// later than one does.
#[test]
fn f25_a_hundred_slots_of_a_host_that_is_lost_among_many_run_again_as_soon_as_one() {
    for version in VERSIONS {
        let etcd = Etcd::cluster(version, 3).unwrap();
        let place = Place::new("{ embedded: true }", 1);
        let history = History::observing(place.path(), &etcd, PREFIX);
        let mut nodes = crowd(&etcd, &place, &history);
        let all = SHARES.0 + OTHERS * SHARES.1;
        let shared =
            |status: &Value| status["running"] == all && slots_of(status, "big") == SHARES.0;
        place.status_when(shared);
        let lose = |node: usize, name: &str| {
            let lost = Instant::now();
            nodes[node].signal_all(Signal::KILL).unwrap();
            place.status_when(|status| status["running"] == all && slots_of(status, name) == 0);
            lost.elapsed()
        };
        let one = lose(1, "n1");
        let hundred = lose(0, "big");
        assert!(hundred < one * 2, "{hundred:?}, and {one:?} for one");
        for node in nodes.drain(2..) {
            node.signal(Signal::TERM).unwrap();
            node.finish().unwrap().success().unwrap();
        }
        history.judge();
    }
}

/// One node that is worth a hundred others, and some others.
fn crowd(etcd: &Etcd, place: &Place, history: &History) -> Vec<Program> {
    let endpoints = etcd.endpoints().join("\", \"");
    let workers = SHARES.0 + OTHERS * SHARES.1;
    let job = history.resting_job(JOB, workers as u32);
    let etcd = format!("{{ endpoints: [\"{endpoints}\"], prefix: {PREFIX}, lease_ttl: 5s }}");
    let text = format!("etcd: {etcd}\njobs:\n{job}");
    place.write("config.yml", &text);
    let weight = format!("global: {{ node: {{ weight: {} }} }}\n", SHARES.0);
    place.write("big.yml", &format!("{weight}{text}"));
    let big = place.start_with("big.yml", "big");
    let others = (1..=OTHERS).map(|number| place.start(&format!("n{number}")));
    std::iter::once(big).chain(others).collect()
}

/// None if there is no such node.
fn slots_of(status: &Value, name: &str) -> u64 {
    let nodes = status["nodes"].as_array().unwrap();
    let node = nodes.iter().find(|node| node["node"] == name);
    node.map_or(0, |node| node["slots"].as_u64().unwrap())
}
