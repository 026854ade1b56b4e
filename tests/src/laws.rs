//! The laws of this workspace's own sources, as functions that find what breaks them.
//!
//! A law is a plain function from the [`Tree`] of sources to a list of [`Violation`]s. Each has a
//! test beside it that plants a violation and sees it found: a law that cannot fail is no law.
//! `tests/laws.rs` applies all of them to this workspace.
//!
//! The sources are read as text, with comments, strings and tests masked out where only code
//! counts. That is coarser than a parser, and enough: what it cannot see, reviewers can.

pub mod examples;
pub mod hygiene;
pub mod layers;
pub mod manifest;
pub mod mask;
pub mod numbers;
pub mod purity;
pub mod shape;
mod tree;

use std::fmt;

pub use tree::{Source, Tree};

/// One place that breaks a law.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The file, from the workspace's root.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there, and what to do instead.
    pub what: String,
}

impl Violation {
    /// A violation at `line` (from 1) of `source`.
    pub fn at(source: &Source, line: usize, what: impl Into<String>) -> Self {
        Self {
            file: source.path.clone(),
            line,
            what: what.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// A law: it finds the places that break it.
pub type Law = fn(&Tree) -> Vec<Violation>;

/// Every law, with the name under which a failure is reported.
pub const ALL: &[(&str, Law)] = &[
    ("arrows point one way", layers::arrows_point_one_way),
    ("the model is pure", purity::model_imports_std_only),
    (
        "foreign names stay in their place",
        purity::foreign_names_stay_in_place,
    ),
    ("modules are named after themselves", shape::no_mod_rs),
    ("there is no drawer", shape::no_drawers),
    ("files are short", shape::files_are_short),
    ("every file says what it is", shape::every_file_has_a_header),
    ("a panic has a reason", hygiene::panics_have_a_reason),
    ("no unsafe code", hygiene::no_unsafe),
    ("no test is ignored", hygiene::nothing_is_ignored),
    ("nobody's machine is named", hygiene::no_machine_is_named),
    (
        "versions stand in one place",
        manifest::versions_stand_in_one_place,
    ),
    (
        "lints stand in one place",
        manifest::lints_stand_in_one_place,
    ),
    ("every example is run", examples::every_example_is_run),
    (
        "every fault and every schedule has a test",
        numbers::every_number_has_a_test,
    ),
];

/// Finds the one source that a law's own test plants.
#[cfg(test)]
fn plant(path: &str, text: &str) -> Tree {
    Tree::of([(path, text)])
}
