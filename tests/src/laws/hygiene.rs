//! Laws about single lines: no panic without a reason, no `unsafe`, no test that does not run, no
//! trace of the machine on which something was written.

use super::{Source, Tree, Violation};

/// `unwrap` and `expect` in code say on the line above why they cannot fail.
pub fn panics_have_a_reason(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in tree.code() {
        let lines: Vec<&str> = source.text.lines().collect();
        for (at, line) in source.code_lines() {
            let panics = line.contains(".unwrap()") || line.contains(".expect(");
            let above = at.checked_sub(2).and_then(|above| lines.get(above));
            let reason = above.is_some_and(|above| above.trim_start().starts_with("// "));
            if panics && !reason {
                let what = "say on the line above why this cannot fail, or return an error";
                violations.push(Violation::at(source, at, what));
            }
        }
    }
    violations
}

/// Everything unsafe is behind a package that others have read.
pub fn no_unsafe(tree: &Tree) -> Vec<Violation> {
    let begins = |rest: &str| {
        let rest = rest.trim_start();
        rest.is_empty()
            || ["{", "fn ", "impl", "extern", "trait"]
                .iter()
                .any(|w| rest.starts_with(w))
    };
    let is_unsafe = |line: &str| {
        line.match_indices("unsafe")
            .any(|(at, w)| begins(&line[at + w.len()..]))
    };
    find(
        tree.code(),
        |source| source.code_lines().collect(),
        is_unsafe,
        "no unsafe code",
    )
}

/// A test, or an example in the documentation, that is not run proves nothing.
pub fn nothing_is_ignored(tree: &Tree) -> Vec<Violation> {
    // Put together here, so that this file does not find itself.
    let fence = ["```", "ignore"].concat();
    let attribute = ["#[", "ignore"].concat();
    let ignores = |line: &str| line.contains(&fence) || line.contains(&attribute);
    let rust = tree.files.iter().filter(|s| s.path.ends_with(".rs"));
    find(rust, text_lines, ignores, "run it, or remove it")
}

/// Paths of one machine and hosts of one network mean nothing anywhere else.
pub fn no_machine_is_named(tree: &Tree) -> Vec<Violation> {
    let needles = [
        ["/ro", "ot/"].concat(),
        ["/wo", "rk/"].concat(),
        ["/ho", "me/"].concat(),
        ["crates", ".io"].concat(),
        ["pypi", ".org"].concat(),
    ];
    let names = |line: &str| needles.iter().any(|needle| line.contains(needle.as_str()));
    find(
        tree.files.iter(),
        text_lines,
        names,
        "no path or host of one machine or network",
    )
}

fn text_lines(source: &Source) -> Vec<(usize, &str)> {
    source
        .text
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line))
        .collect()
}

fn find<'a>(
    sources: impl Iterator<Item = &'a Source>,
    lines: impl Fn(&'a Source) -> Vec<(usize, &'a str)>,
    breaks: impl Fn(&str) -> bool,
    what: &str,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in sources {
        let broken = lines(source).into_iter().filter(|(_, line)| breaks(line));
        violations.extend(broken.map(|(at, _)| Violation::at(source, at, what)));
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::super::plant;
    use super::*;

    #[test]
    fn a_panic_without_a_reason_is_found() {
        let bare = "//! x\nfn f() { g().unwrap() }";
        assert_eq!(panics_have_a_reason(&plant("a/src/b.rs", bare))[0].line, 2);
        let reasoned = "//! x\n// Never empty: see above.\nlet x = g().expect(\"x\");";
        assert_eq!(panics_have_a_reason(&plant("a/src/b.rs", reasoned)), []);
        assert_eq!(panics_have_a_reason(&plant("a/tests/b.rs", bare)), []);
    }

    #[test]
    fn unsafe_code_is_found_and_the_word_alone_is_not() {
        assert_eq!(no_unsafe(&plant("a/src/b.rs", "unsafe { f() }")).len(), 1);
        let word = "// unsafe\n#![forbid(unsafe_code)]\ntype T = Token![unsafe];";
        assert_eq!(no_unsafe(&plant("a/src/b.rs", word)), []);
    }

    #[test]
    fn an_ignored_test_is_found() {
        let doctest = ["/// ```", "ignore\n"].concat();
        assert_eq!(nothing_is_ignored(&plant("a/src/b.rs", &doctest)).len(), 1);
        let test = ["#[", "ignore = \"slow\"]"].concat();
        assert_eq!(nothing_is_ignored(&plant("a/tests/b.rs", &test)).len(), 1);
        assert_eq!(
            nothing_is_ignored(&plant("a/src/b.rs", "/// ```no_run")),
            []
        );
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        let text = ["see /ro", "ot/notes"].concat();
        assert_eq!(no_machine_is_named(&plant("README.md", &text)).len(), 1);
    }
}
