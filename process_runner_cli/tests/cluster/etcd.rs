//! Two nodes on a real etcd, of both versions.

use rustix::process::Signal;
use tests::etcd::{Etcd, EtcdOptions, VERSIONS};

use crate::node::{Place, ticked};

fn place(etcd: &Etcd) -> Place {
    let endpoint = etcd.endpoint();
    Place::new(
        &format!("{{ endpoints: [\"{endpoint}\"], prefix: /test, lease_ttl: 5s }}"),
        3,
    )
}

#[test]
fn the_second_node_takes_what_a_drained_one_leaves_under_greater_fences() {
    for version in VERSIONS {
        let etcd = Etcd::start(version).unwrap();
        let place = place(&etcd);
        let mut first = place.start("a");
        let fences: Vec<u64> = (0..3).map(|index| ticked(&mut first, "a", index)).collect();

        let status = place.status();
        assert_eq!(
            (&status["desired"], &status["running"]),
            (&3.into(), &3.into()),
            "{status:#}"
        );
        for (index, fence) in fences.iter().enumerate() {
            let slot = &status["slots"][index];
            assert_eq!(slot["node"], "a", "{version:?}: {slot:#}");
            assert_eq!(slot["fence"], *fence);
            assert!(slot["iterations"].as_u64().is_some(), "{slot:#}");
        }

        let mut second = place.start("b");
        second.wait_for(|line| line.contains("joined")).unwrap();
        assert_eq!(place.status()["nodes"].as_array().unwrap().len(), 2);
        first.signal(Signal::TERM).unwrap();
        let ended = first.finish().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{:#?}", ended.lines);
        for (index, fence) in (0..3).zip(fences) {
            assert!(ticked(&mut second, "b", index) > fence, "{version:?}");
        }
    }
}

#[test]
fn a_node_killed_with_its_guardian_is_replaced_when_its_lease_runs_out() {
    for version in VERSIONS {
        let etcd = Etcd::start(version).unwrap();
        let place = place(&etcd);
        let mut first = place.start("a");
        let fence = ticked(&mut first, "a", 0);
        let mut second = place.start("b");
        second.wait_for(|line| line.contains("joined")).unwrap();
        first.signal_all(Signal::KILL).unwrap();
        assert!(ticked(&mut second, "b", 0) > fence, "{version:?}");
    }
}

#[test]
fn a_name_in_use_is_refused_and_a_dead_one_is_waited_for() {
    let etcd = Etcd::start(VERSIONS[0]).unwrap();
    let place = place(&etcd);
    let mut first = place.start("a");
    ticked(&mut first, "a", 0);

    let refused = place.output(&["run", "config.yml", "--node-name", "a"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(
        said.contains("the node name `a` is in use by process"),
        "{said}"
    );

    first.signal_all(Signal::KILL).unwrap();
    drop(first);
    let mut again = place.start("a");
    again
        .wait_for(|line| line.contains("waiting until its lease runs out"))
        .unwrap();
    ticked(&mut again, "a", 0);
}

#[test]
fn an_etcd_that_does_not_answer_is_told_and_given_up() {
    // A port that was free a moment ago: nobody listens.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let place = Place::new(&format!("{{ endpoints: [\"http://{free}\"] }}"), 1);
    let output = place.output(&["run", "config.yml", "--wait", "1s"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert!(
        said.contains(&format!("etcd does not answer at http://{free}")),
        "{said}"
    );
    assert_eq!(said.matches("still trying").count(), 1, "{said}");
}

#[test]
fn a_quiet_node_hands_its_slots_over_and_stays_until_it_is_resumed() {
    let etcd = Etcd::start(VERSIONS[1]).unwrap();
    let place = place(&etcd);
    let mut first = place.start("a");
    ticked(&mut first, "a", 0);
    first.signal(Signal::TTIN).unwrap();
    first
        .wait_for(|line| line.contains("worker table"))
        .unwrap();
    first.signal(Signal::USR1).unwrap();
    first.wait_for(|line| line.contains("quiet")).unwrap();
    let mut second = place.start("b");
    for index in 0..3 {
        ticked(&mut second, "b", index);
    }
    let status = place.status_when(|status| status["nodes"][0]["state"] == "quiet");
    assert_eq!(status["nodes"][0]["slots"], 0);

    second.signal(Signal::TERM).unwrap();
    assert_eq!(second.finish().unwrap().status.code(), Some(0));
    first.signal(Signal::HUP).unwrap();
    first
        .wait_for(|line| line.contains("read at start only"))
        .unwrap();
    first.signal(Signal::CONT).unwrap();
    ticked(&mut first, "a", 2);
}

/// `status` would say "has not reported it yet" for ever, and nobody would know why.
#[test]
fn a_status_that_etcd_refuses_is_told_of_once() {
    const WORKERS: usize = 24;
    for version in VERSIONS {
        let etcd = EtcdOptions::new(version).largest_request(10_000);
        let etcd = etcd.start().unwrap();
        let place = place(&etcd);
        let endpoint = etcd.endpoint();
        place.write(
            "config.yml",
            &format!(
                "etcd: {{ endpoints: [\"{endpoint}\"], prefix: /test, lease_ttl: 5s }}\njobs:\n  talker:\n    \
                 class: Command\n    workers: {WORKERS}\n    options:\n      \
                 command: [sh, -c, 'printf %0900d $PR_WORKER_INDEX >&2; exit 1']\n"
            ),
        );
        let mut node = place.start("a");
        node.wait_for(|line| line.contains("does not show how this node's workers fare"))
            .unwrap();
        let slots = place.status()["slots"].clone();
        let reason = slots[WORKERS - 1]["reason"].as_str().unwrap();
        assert_eq!(reason, "node `a` has not reported it yet", "{slots:#}");
        // Each fails again, and every status since is refused, too.
        for _ in 0..WORKERS {
            node.wait_for(|line| line.contains("failures=3")).unwrap();
        }
        node.signal(Signal::TERM).unwrap();
        let ended = node.finish().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{:#?}", ended.lines);
        let told = ended.lines.iter();
        let told = told.filter(|line| line.contains("workers fare"));
        assert_eq!(told.count(), 1, "{version:?}: {:#?}", ended.lines);
    }
}
