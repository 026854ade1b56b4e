//! A class is found, with its name, its driver, its place and its needs.

use process_runner::prelude::*;
use process_runner::{JobClass, States};
use serde_json::json;

use super::classes::locks::AdvisoryLock;
use super::classes::{Guarded, Import, Plain, Pool, ProcessQueue, class, registry};

#[test]
fn every_class_is_found_by_its_name() {
    let names: Vec<&str> = registry().classes().map(|class| class.name).collect();
    for name in [
        "ProcessQueue",
        "Plain",
        "imports/nightly",
        "Guarded",
        "Renamed",
    ] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    assert!(
        !names.contains(&"Import"),
        "`class` replaces the identifier"
    );
}

#[test]
fn a_class_named_by_hand_as_well_is_one_class() {
    let twice = App::new().job::<Plain>().into_registry();
    assert!(twice.is_ok());
}

#[test]
fn a_class_says_where_it_stands() {
    let place = class("Plain").place;
    let source = include_str!("classes.rs");
    let line = source
        .lines()
        .position(|line| line.starts_with("pub(crate) struct Plain"));
    assert!(place.file.ends_with("classes.rs"), "{place}");
    // The attribute stands one line above, and lines count from 1.
    assert_eq!(Some(place.line as usize), line);
}

#[test]
fn the_driver_is_shown_as_it_was_written() {
    assert_eq!(class("Plain").lock_driver, "etcd");
    assert_eq!(class("Guarded").lock_driver, "locks::AdvisoryLock");
}

#[test]
fn needs_are_the_state_fields_and_the_driver() {
    let fields = |needs: Vec<process_runner::StateRequirement>| -> Vec<(&str, &str)> {
        needs
            .iter()
            .map(|need| (need.field, need.type_name))
            .collect()
    };
    assert_eq!(fields(Plain::requirements()), []);
    let pool = std::any::type_name::<Pool>();
    assert_eq!(fields(ProcessQueue::requirements()), [("pool", pool)]);
    let lock = std::any::type_name::<AdvisoryLock>();
    assert_eq!(fields(Guarded::requirements()), [("lock_driver", lock)]);
}

#[test]
fn a_worker_starts_with_its_options_defaults_and_storage() {
    let states = states();
    let worker = build::<ProcessQueue>(json!({ "from": 7, "batch_size": 5 }), &states);
    assert_eq!(
        (worker.batch_size, worker.start, worker.limit),
        (5, 7, None)
    );
    assert_eq!(worker.directory, std::path::Path::new("/tmp"));
    assert_eq!((worker.retry.times, worker.left, worker.present), (3, 4, 1));
    assert!(worker.tags.is_empty() && worker.seen.is_empty());
    assert_eq!(&*worker.pool.0, "the pool");
}

#[test]
fn other_derives_and_a_function_that_reads_are_kept() {
    let worker = build::<Import>(json!({ "patience": 90, "source-table": "t" }), &states());
    let expected = Import {
        source_table: "t".to_owned(),
        patience: std::time::Duration::from_secs(90),
    };
    assert_eq!(worker.clone(), expected, "{worker:?}");
}

#[test]
fn a_worker_is_never_built_without_its_state_or_its_driver() {
    let options = serde_json::from_value(json!({ "from": 7 })).expect("these are its options");
    let nothing = States::default();
    assert_eq!(ProcessQueue::build(options, &nothing).err(), Some("pool"));
    let options = serde_json::from_value(json!({})).expect("it has a default for everything");
    assert_eq!(Guarded::build(options, &nothing).err(), Some("lock_driver"));
    let guarded = build::<Guarded>(json!({ "type": "t" }), &states());
    assert_eq!(guarded.r#type, "t");
}

#[test]
fn only_a_driver_of_the_users_is_taken_on_top() {
    let states = states();
    assert!(Guarded::lock_driver(&states).is_some());
    assert!(Plain::lock_driver(&states).is_none());
}

fn states() -> States {
    let mut states = States::default();
    states.insert(Pool("the pool".into()));
    states.insert(AdvisoryLock);
    states
}

fn build<J: JobClass>(options: serde_json::Value, states: &States) -> J {
    let options = serde_json::from_value(options).expect("the options fit");
    J::build(options, states).expect("all state is there")
}
