//! Laws about the shape of files: short, named after what they hold, and headed by a sentence.

use super::{Source, Tree, Violation};

/// A file that is longer does two things.
const LONGEST: usize = 450;

/// Names for things that nobody has thought about.
const DRAWERS: [&str; 7] = [
    "common",
    "helper",
    "helpers",
    "misc",
    "shared_code",
    "util",
    "utils",
];

/// A module's file is named after the module: twenty tabs called `mod.rs` help nobody.
pub fn no_mod_rs(tree: &Tree) -> Vec<Violation> {
    let named_mod = |s: &&Source| s.path.ends_with("/mod.rs");
    let what = "a module's file has the module's name";
    tree.files
        .iter()
        .filter(named_mod)
        .map(|s| Violation::at(s, 1, what))
        .collect()
}

/// A folder or file says what is in it.
pub fn no_drawers(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in &tree.files {
        let parts = source.path.split(['/', '.']);
        if let Some(drawer) = parts.into_iter().find(|part| DRAWERS.contains(part)) {
            let what = format!("`{drawer}` says nothing about what is in it");
            violations.push(Violation::at(source, 1, what));
        }
    }
    violations
}

/// Tests do not count, neither in their own files nor below `#[cfg(test)]`.
pub fn files_are_short(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in tree.code() {
        let tests = source
            .text
            .find("\n#[cfg(test)]\nmod tests {")
            .unwrap_or(source.text.len());
        let lines = source.text[..tests].lines().count();
        if lines > LONGEST {
            let what =
                format!("{lines} lines, and {LONGEST} are the most: split it by what it does");
            violations.push(Violation::at(source, lines, what));
        }
    }
    violations
}

/// The first line of a file is the first line of its documentation.
pub fn every_file_has_a_header(tree: &Tree) -> Vec<Violation> {
    let what = "a file begins with `//!`: what it is for, what it guarantees, how it fails";
    tree.files
        .iter()
        .filter(|s| s.path.ends_with(".rs") && !is_compiler_test(s))
        .filter(|s| {
            !s.text.starts_with("//! ") || s.text.lines().next().is_some_and(|l| l.len() < 12)
        })
        .map(|s| Violation::at(s, 1, what))
        .collect()
}

/// Inputs and outputs of the macros' tests are data.
fn is_compiler_test(source: &Source) -> bool {
    let data = [
        "/tests/ui/",
        "/tests/expand/",
        "/tests/golden/",
        "/tests/expansions/",
    ];
    data.iter().any(|folder| source.path.contains(folder))
}

#[cfg(test)]
mod tests {
    use super::super::plant;
    use super::*;

    #[test]
    fn a_mod_rs_and_a_drawer_are_found() {
        assert_eq!(no_mod_rs(&plant("a/src/b/mod.rs", "")).len(), 1);
        assert_eq!(no_mod_rs(&plant("a/src/model.rs", "")).len(), 0);
        assert_eq!(no_drawers(&plant("a/src/utils/x.rs", "")).len(), 1);
        assert_eq!(no_drawers(&plant("a/src/helpers.rs", "")).len(), 1);
        assert_eq!(no_drawers(&plant("a/src/helper_process.rs", "")).len(), 0);
    }

    #[test]
    fn a_long_file_is_found_and_tests_do_not_count() {
        let long = "//! x\n".repeat(LONGEST + 1);
        assert_eq!(files_are_short(&plant("a/src/b.rs", &long)).len(), 1);
        let tested = format!(
            "{}\n#[cfg(test)]\nmod tests {{\n{long}}}",
            "//! x\n".repeat(9)
        );
        assert_eq!(files_are_short(&plant("a/src/b.rs", &tested)).len(), 0);
        assert_eq!(files_are_short(&plant("a/src/b/tests.rs", &long)).len(), 0);
    }

    #[test]
    fn a_file_without_a_sentence_is_found() {
        assert_eq!(
            every_file_has_a_header(&plant("a/src/b.rs", "use x;")).len(),
            1
        );
        assert_eq!(
            every_file_has_a_header(&plant("a/src/b.rs", "//! x\n")).len(),
            1
        );
        assert_eq!(
            every_file_has_a_header(&plant("a/src/b.rs", "//! What it is.\n")).len(),
            0
        );
    }
}
