//! The laws of `tests/src/laws.rs`, applied to this workspace.

#![allow(clippy::unwrap_used, reason = "a test that fails should say where")]

use std::path::Path;

use tests::laws::{ALL, Tree};

#[test]
fn the_workspace_keeps_its_laws() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let tree = Tree::read(root).unwrap();
    assert!(tree.code().count() > 50, "the sources were not found");

    let mut report = String::new();
    for (law, violations_in) in ALL {
        for violation in violations_in(&tree) {
            report.push_str(&format!("{law}\n    {violation}\n"));
        }
    }
    assert!(report.is_empty(), "broken laws:\n{report}");
}
