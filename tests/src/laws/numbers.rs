//! Law: every fault and every schedule of `tests/README.md` has a test that bears its number.
//!
//! A fault's number is in the name of the function, `f4_and_f18_a_pause_...`; that of an interleaving in
//! the comment above it, `Interleaving 15.`. A number that the list does not have is a violation, too.

use std::collections::BTreeSet;

use super::{Source, Tree, Violation, mask};

/// The list, whose tables have the number in their first column.
const LIST: &str = "tests/README.md";
/// What stands before the number of an interleaving.
const INTERLEAVING: &str = "Interleaving ";

/// `f32` and `f64` are types.
const FLOATS: [&str; 2] = ["32", "64"];

/// A list that nobody keeps is worth nothing.
pub fn every_number_has_a_test(tree: &Tree) -> Vec<Violation> {
    let Some(list) = tree.files.iter().find(|source| source.path == LIST) else {
        return Vec::new();
    };
    let listed: Vec<_> = list.text.lines().enumerate().filter_map(row).collect();
    let known: BTreeSet<_> = listed.iter().map(|(_, number)| number.as_str()).collect();
    let rust = tree.files.iter().filter(|s| s.path.ends_with(".rs"));
    let borne: Vec<_> = rust.flat_map(numbers).collect();
    let tested: BTreeSet<_> = borne.iter().map(|(.., number)| number.as_str()).collect();
    let untested = listed
        .iter()
        .filter(|(_, number)| !tested.contains(number.as_str()));
    let untested = untested
        .map(|(at, number)| Violation::at(list, *at, format!("no test bears the number {number}")));
    let unlisted = borne
        .iter()
        .filter(|(.., number)| !known.contains(number.as_str()));
    let unlisted = unlisted.map(|(source, at, number)| {
        Violation::at(
            source,
            *at,
            format!("{LIST} does not have the number {number}"),
        )
    });
    untested.chain(unlisted).collect()
}

/// The number in the first column, if the line is a row of a table.
fn row((at, line): (usize, &str)) -> Option<(usize, String)> {
    let number = line.strip_prefix("| ")?.split(' ').next()?;
    let digits = number.trim_start_matches('F');
    is_number(digits).then(|| (at + 1, number.to_owned()))
}

/// The numbers that a file's tests bear, each with its line.
fn numbers(source: &Source) -> Vec<(&Source, usize, String)> {
    let mut numbers = Vec::new();
    for (at, line) in source.text.lines().enumerate() {
        let line = line.trim_start();
        let faults = line.split("fn ").nth(1).into_iter().flat_map(faults);
        let interleavings = line
            .starts_with("//")
            .then(|| line.split(INTERLEAVING).skip(1).filter_map(first_number));
        let found = faults.chain(interleavings.into_iter().flatten());
        numbers.extend(found.map(|number| (source, at + 1, number)));
    }
    numbers
}

/// `F4` and `F18` of `f4_and_f18_a_pause`.
fn faults(name: &str) -> impl Iterator<Item = String> + '_ {
    let words = name.split(|c: char| !mask::is_word(c)).next();
    let words = words.unwrap_or_default().split('_');
    let numbered = words.map_while(|word| match word {
        "and" => Some(None),
        word => word
            .strip_prefix('f')
            .filter(|digits| is_number(digits) && !FLOATS.contains(digits))
            .map(Some),
    });
    numbered.flatten().map(|digits| format!("F{digits}"))
}

fn first_number(text: &str) -> Option<String> {
    let digits = text.split(|c: char| !c.is_ascii_digit()).next()?;
    is_number(digits).then(|| digits.to_owned())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 2 && text.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(list: &str, tests: &str) -> Vec<(String, usize)> {
        let tree = Tree::of([(LIST, list), ("a/tests/b.rs", tests)]);
        let violations = every_number_has_a_test(&tree).into_iter();
        violations
            .map(|violation| (violation.file, violation.line))
            .collect()
    }

    #[test]
    fn a_number_without_a_test_and_a_test_without_a_number_are_found() {
        let list = "| number |\n|---|\n| F4 | x |\n| F18 | x |\n\n| 2 | x |\n";
        let comment = ["/// ", INTERLEAVING, "2.\n"].concat();
        let tests = format!("{comment}fn a() {{}}\nasync fn f4_and_f18_b() {{}}\n");
        assert_eq!(found(list, &tests), []);
        assert_eq!(
            found(list, &comment),
            [(LIST.to_owned(), 3), (LIST.to_owned(), 4)]
        );
        let more = format!("{tests}fn f5_c() {{}}\n");
        assert_eq!(found(list, &more), [("a/tests/b.rs".to_owned(), 4)]);
    }

    #[test]
    fn what_only_looks_like_a_number_is_none() {
        let tests = "fn f64_of() -> f64 {}\nfn f() {}\nfn from_f32(f32: f32) {}\nfn four_f4() {}";
        assert_eq!(found("", tests), []);
    }
}
