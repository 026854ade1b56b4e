//! The network between one node and etcd.

use std::time::Duration;

use tests::etcd::{VERSIONS, Version};
use tests::proxy::Network;

use super::{INDEXES, Stage, last};

impl Stage {
    fn network(&self, network: Network) {
        self.network.iter().for_each(|proxy| proxy.set(network));
    }
}

#[test]
fn f12_a_node_without_a_network_stops_before_another_one_has_its_slots() {
    for version in VERSIONS {
        for network in [Network::Silent, Network::Refuses] {
            let stage = Stage::new(version, 1, 5);
            stage.network(network);
            stage.place.status_when(|status| {
                status["running"] == INDEXES && status["nodes"].as_array().unwrap().len() == 1
            });
            stage.until_each_works();
            stage.network(Network::Passes);
            stage.until_even();
            stage.end();
        }
    }
}

#[test]
fn f14_an_etcd_a_quarter_of_a_second_away_disturbs_nobody() {
    let stage = Stage::new(Version::V35, 1, 10);
    let fences = stage.fences();
    stage.network(Network::Delays(Duration::from_millis(125)));
    last(Duration::from_secs(12));
    assert_eq!(stage.fences(), fences);
    stage.network(Network::Passes);
    stage.end();
}

#[test]
fn f15_connections_that_are_cut_or_fall_silent_disturb_nobody() {
    for version in VERSIONS {
        let stage = Stage::new(version, 3, 10);
        let fences = stage.fences();
        for _ in 0..10 {
            last(Duration::from_millis(300));
            stage.network.iter().for_each(|proxy| proxy.cut());
        }
        // Half open: whoever waits for an answer over this one waits for ever.
        for proxy in &stage.network {
            proxy.set(Network::Silent);
            last(Duration::from_secs(4));
            proxy.set(Network::Passes);
        }
        assert_eq!(stage.fences(), fences, "{version:?}");
        stage.end();
    }
}
