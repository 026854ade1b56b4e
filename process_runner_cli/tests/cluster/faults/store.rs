//! The store under a running cluster: compacted, emptied, meddled with.

use std::time::Duration;

use tests::etcd::VERSIONS;
use tests::history::What;
use tests::program::Program;

use super::{INDEXES, JOB, PREFIX, Stage, last};

fn wait_for<T>(asked: impl Future<Output = std::io::Result<T>>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(asked).unwrap()
}

#[test]
fn f16_a_history_that_is_compacted_all_the_time_is_followed_all_the_same() {
    for version in VERSIONS {
        let stage = Stage::new(version, 1, 5);
        for worker in 1..=3 {
            stage.network.iter().for_each(|proxy| proxy.cut());
            wait_for(stage.etcd.compact());
            // Something to follow: a worker more, a worker less.
            let workers = INDEXES + worker % 2;
            let scaled =
                stage
                    .place
                    .output(&["scale", "work", &workers.to_string(), "-c", "config.yml"]);
            assert!(scaled.status.success());
            stage
                .place
                .status_when(|status| status["running"] == workers);
        }
        let scaled = stage
            .place
            .output(&["scale", "work", "4", "-c", "config.yml"]);
        assert!(scaled.status.success());
        stage.end();
    }
}

#[test]
fn f21_what_an_administrator_takes_away_stops_at_once_and_runs_again_under_a_greater_fence() {
    for version in VERSIONS {
        let mut stage = Stage::new(version, 1, 10);
        let before = stage.fences();
        let slot = format!("{JOB}@0");
        stage.history.note(What::SlotTampered { slot });
        wait_for(stage.etcd.delete(&format!("{PREFIX}/slots/{JOB}/0")));
        stage.place.status_when(|status| {
            let slots = status["slots"].as_array().unwrap();
            let slot = slots.iter().find(|slot| slot["index"] == 0).unwrap();
            slot["state"] == "running" && slot["fence"].as_u64() > before.get(&0).copied()
        });
        let fences = stage.fences();
        for index in 1..INDEXES {
            assert_eq!(
                fences[&index], before[&index],
                "index {index} was disturbed"
            );
        }
        // At the latest with its next renewal the old worker knows.
        last(Duration::from_secs(3));
        let old = stage.history.under("work@0", before[&0]);
        stage.until_each_works();
        assert_eq!(stage.history.under("work@0", before[&0]), old);
        let member = format!("{PREFIX}/members/a");
        let process = "a".to_owned();
        stage.history.note(What::LeaseTampered { process });
        wait_for(stage.etcd.revoke_lease_of(&member));
        last(Duration::from_secs(3));
        stage.until_even();
        stage.stop();
    }
}

/// Each node ends by itself, and says why.
fn all_refuse(nodes: impl IntoIterator<Item = Program>, why: &str) {
    for node in nodes {
        let ended = node.finish().unwrap();
        assert_eq!(ended.status.code(), Some(1), "{:#?}", ended.lines);
        let said = ended.lines.join("\n");
        assert!(said.contains(why), "{said}");
    }
}

/// After etcd lost its data fences would begin anew, below those that resources have seen.
#[test]
fn f11_an_etcd_that_lost_its_data_is_refused_until_the_epoch_is_raised() {
    for version in VERSIONS {
        let mut stage = Stage::new(version, 1, 5);
        stage.etcd.kill();
        stage.etcd.forget().unwrap();
        stage.etcd.start_again().unwrap();
        last(Duration::from_secs(2));
        all_refuse(stage.nodes, "pr-cli raise-epoch");
        stage.history.judge();
        // A process that was not there knows it from those that were.
        let refused = stage
            .place
            .output(&["run", "config.yml", "--node-name", "b"]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains("the store id was"), "{said}");

        let raised = stage.place.output(&["raise-epoch", "-c", "config.yml"]);
        let raised = String::from_utf8_lossy(&raised.stdout).into_owned();
        assert_eq!(raised, "epoch: 0 -> 1\n");
        // The store counts anew, and the fences do not.
        let _again = stage.place.start("b");
        let status = stage
            .place
            .status_when(|status| status["running"] == INDEXES);
        let fences = status["slots"].as_array().unwrap().iter();
        let fences: Vec<_> = fences.map(|slot| slot["fence"].as_u64().unwrap()).collect();
        assert!(fences.iter().all(|fence| *fence > 1 << 47), "{fences:?}");
        // Its holdings have fences of this epoch: now it cannot be raised.
        let refused = stage.place.output(&["raise-epoch", "-c", "config.yml"]);
        assert_eq!(refused.status.code(), Some(1));
    }
}

/// A store of yesterday: in it the nodes' own keys are as they were, and every new fence was given out before.
#[test]
fn f11_an_etcd_that_was_set_up_from_a_backup_is_refused() {
    for version in VERSIONS {
        let mut stage = Stage::new(version, 1, 10);
        stage.etcd.kill();
        stage.etcd.back_up().unwrap();
        stage.etcd.start_again().unwrap();
        for workers in [INDEXES + 1, INDEXES] {
            let scale = ["scale", "work", &workers.to_string(), "-c", "config.yml"];
            assert!(stage.place.output(&scale).status.success());
            stage
                .place
                .status_when(|status| status["running"] == workers);
        }
        // Each node sees the new revision with its next renewal.
        last(Duration::from_secs(3));
        stage.etcd.kill();
        stage.etcd.restore().unwrap();
        stage.etcd.start_again().unwrap();
        last(Duration::from_secs(2));
        all_refuse(stage.nodes, "the revision went back");
        stage.history.judge();
    }
}
