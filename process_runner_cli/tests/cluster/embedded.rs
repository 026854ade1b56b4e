//! Several `run` on one machine share the embedded etcd; whoever hosts it may die.

use rustix::process::Signal;

use crate::node::{Place, ticked};

const EMBEDDED: &str = "{ embedded: true, lease_ttl: 5s }";

/// Interleaving 8.
#[test]
fn a_second_run_joins_the_first() {
    let place = Place::new(EMBEDDED, 2);
    let mut host = place.start("a");
    ticked(&mut host, "a", 1);
    let mut guest = place.start("b");
    guest
        .wait_for(|line| line.contains("the embedded etcd of process"))
        .unwrap();
    guest.wait_for(|line| line.contains("joined")).unwrap();
    let status = place.status_when(|status| {
        let nodes = status["nodes"].as_array().unwrap();
        nodes.len() == 2 && nodes.iter().all(|node| node["slots"] == 1)
    });
    assert_eq!(status["running"], 2, "{status:#}");
}

#[test]
fn a_guest_takes_the_place_of_a_host_that_was_killed() {
    let place = Place::new(EMBEDDED, 2);
    let mut host = place.start("a");
    let fence = ticked(&mut host, "a", 0);
    let mut guest = place.start("b");
    guest.wait_for(|line| line.contains("joined")).unwrap();
    host.signal_all(Signal::KILL).unwrap();
    drop(host);
    guest
        .wait_for(|line| line.contains("this process hosts it now"))
        .unwrap();
    assert!(ticked(&mut guest, "b", 0) > fence);
    guest.signal(Signal::TERM).unwrap();
    let ended = guest.finish().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{:#?}", ended.lines);
}

/// It ends with its guardian alone, and with that of nobody else.
#[test]
fn a_worker_process_that_is_killed_takes_no_etcd_with_it() {
    // Nothing here waits for a lease.
    let place = Place::new("{ embedded: true, lease_ttl: 60s }", 2);
    let mut host = place.start("a");
    let fence = ticked(&mut host, "a", 0);
    let mut guest = place.start("b");
    guest.wait_for(|line| line.contains("joined")).unwrap();
    place.status_when(|status| status["nodes"][1]["slots"] == 1);
    for _ in 0..2 {
        let killed = host.signal_worker(Signal::KILL).unwrap();
        host.wait_for(|line| line.contains("what the worker process had is free"))
            .unwrap();
        host.worker(Some(killed)).unwrap();
        place.status_when(|status| {
            let nodes = status["nodes"].as_array().unwrap();
            nodes.len() == 2 && status["running"] == 2
        });
    }
    guest.signal_worker(Signal::KILL).unwrap();
    guest
        .wait_for(|line| line.contains("what the worker process had is free"))
        .unwrap();
    assert!(ticked(&mut host, "a", 0) > fence);
    for node in [guest, host] {
        node.signal(Signal::TERM).unwrap();
        let lines = node.finish().unwrap().success().unwrap();
        let moved = lines.iter().find(|line| line.contains("hosts it now"));
        assert_eq!(moved, None, "{lines:#?}");
    }
}

/// Its worker process opens the store anew, to leave in order.
#[test]
fn a_host_that_is_killed_alone_keeps_nobody_waiting() {
    let place = Place::new("{ embedded: true, lease_ttl: 60s }", 1);
    let mut first = place.start("a");
    let fence = ticked(&mut first, "a", 0);
    first.signal(Signal::KILL).unwrap();
    let ended = first.finish().unwrap();
    let left = ended.lines.iter().any(|line| line.contains("left"));
    assert!(left, "{ended:#?}");
    let mut second = place.start("b");
    assert!(ticked(&mut second, "b", 0) > fence);
    second.signal(Signal::TERM).unwrap();
    second.finish().unwrap().success().unwrap();
}

#[test]
fn a_guest_goes_on_when_its_host_leaves_in_order() {
    let place = Place::new(EMBEDDED, 2);
    let mut host = place.start("a");
    let fence = ticked(&mut host, "a", 0);
    let mut guest = place.start("b");
    guest.wait_for(|line| line.contains("joined")).unwrap();
    host.signal(Signal::TERM).unwrap();
    assert_eq!(host.finish().unwrap().status.code(), Some(0));
    assert!(ticked(&mut guest, "b", 0) > fence);
}

#[test]
fn a_damaged_store_is_refused_by_name_and_left_as_it_is() {
    let place = Place::new("{ embedded: true, data_dir: store }", 1);
    let mut node = place.start("a");
    ticked(&mut node, "a", 0);
    node.signal(Signal::TERM).unwrap();
    node.finish().unwrap().success().unwrap();

    let log = largest_file(&place.path().join("store"));
    let mut bytes = std::fs::read(&log).unwrap();
    bytes[20] ^= 0x40;
    std::fs::write(&log, &bytes).unwrap();
    let output = place.output(&["run", "config.yml", "--node-name", "a"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let name = log.file_name().unwrap().to_string_lossy().into_owned();
    assert!(said.contains(&name) && said.contains("damaged"), "{said}");
    assert_eq!(std::fs::read(&log).unwrap(), bytes);
}

/// F11, on one machine: its log was deleted, and what its nodes knew of it was not.
#[test]
fn a_store_that_was_emptied_is_refused_until_the_epoch_is_raised() {
    let place = Place::new("{ embedded: true, data_dir: store }", 1);
    let mut node = place.start("a");
    let fence = ticked(&mut node, "a", 0);
    node.signal(Signal::TERM).unwrap();
    node.finish().unwrap().success().unwrap();

    std::fs::remove_file(largest_file(&place.path().join("store"))).unwrap();
    let refused = place.output(&["run", "config.yml", "--node-name", "a"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("pr-cli raise-epoch --to 1"), "{said}");
    // No node runs, so nobody else serves it.
    let raised = place.output(&["raise-epoch", "-c", "config.yml"]);
    assert_eq!(
        String::from_utf8_lossy(&raised.stdout),
        "epoch: 0 -> 1\n",
        "{raised:?}"
    );
    let mut again = place.start("a");
    let after = ticked(&mut again, "a", 0);
    assert!(after > 1 << 47 && after > fence, "{after}");
    again.signal(Signal::TERM).unwrap();
    again.finish().unwrap().success().unwrap();
}

#[test]
fn a_status_without_a_node_says_so() {
    let place = Place::new(EMBEDDED, 1);
    let output = place.output(&["status", "-c", "config.yml"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("no node runs on this machine"), "{said}");
}

fn largest_file(dir: &std::path::Path) -> std::path::PathBuf {
    let files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let files = files.filter(|entry| entry.file_type().unwrap().is_file());
    files
        .max_by_key(|entry| entry.metadata().unwrap().len())
        .unwrap()
        .path()
}
