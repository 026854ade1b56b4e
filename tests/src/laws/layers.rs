//! Law: the modules of the runtime library depend on each other in one direction.
//!
//! ```text
//! model <- clock, lock, job <- class <- command <- app <- config <- embedded, coordination <- runtime, cluster, planning <- testing
//! ```
//!
//! The table below is the whole truth: a module that is not in it, or uses one that its row does
//! not list, breaks the law. To add an arrow, add it here, where the reviewer sees it.

use super::{Source, Tree, Violation, mask};

const CRATE: &str = "process_runner/src/";

/// A module, and those it may use besides itself.
type Row = (&'static str, &'static [&'static str]);

const ALLOWED: &[Row] = &[
    ("model", &[]),
    ("clock", &["model"]),
    ("validity", &["model"]),
    ("state", &[]),
    ("lock", &["model"]),
    ("job", &["clock", "model", "validity"]),
    // A class's row holds the constructor of its erased job, and that is part of the engine: the
    // one knot between two modules.
    ("class", &["job", "lock", "runtime", "state"]),
    // The built-in class, written like a user's own.
    (
        "command",
        &["class", "clock", "job", "model", "state", "validity"],
    ),
    ("app", &["class", "command", "state"]),
    ("config", &["app", "class", "model"]),
    ("embedded", &["clock", "model"]),
    (
        "coordination",
        &["clock", "config", "embedded", "model", "validity"],
    ),
    (
        "cluster",
        &["clock", "config", "coordination", "embedded", "model"],
    ),
    ("planning", &["config", "model"]),
    // What a user's job calls, with a context in hand.
    ("postgres", &["job"]),
    (
        "runtime",
        &[
            "app",
            "class",
            "clock",
            "config",
            "coordination",
            "embedded",
            "job",
            "lock",
            "model",
            "state",
            "validity",
        ],
    ),
    (
        "testing",
        &[
            "app", "class", "clock", "config", "job", "lock", "model", "runtime", "state",
            "validity",
        ],
    ),
    // What the macros' expansion names; it may name its own macros, which live in the root.
    ("private", &["app", "class", "lock", "state"]),
];

/// Finds every use of a module that the table does not allow.
pub fn arrows_point_one_way(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in tree.code() {
        let Some(inner) = source.path.strip_prefix(CRATE).filter(|p| *p != "lib.rs") else {
            continue;
        };
        let module = inner.split(['/', '.']).next().unwrap_or(inner);
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == module) else {
            let what = format!("the module `{module}` has no row in the table of layers");
            violations.push(Violation::at(source, 1, what));
            continue;
        };
        for (line, used) in uses_of_the_root(source, inner) {
            let hidden = module == "private" && used.starts_with("__");
            if used != module && !hidden && !allowed.contains(&used.as_str()) {
                let what = format!("`{module}` may not use `{used}`");
                violations.push(Violation::at(source, line, what));
            }
        }
    }
    violations
}

/// Every name that `source` takes from the root of its crate, with the line.
fn uses_of_the_root(source: &Source, inner: &str) -> Vec<(usize, String)> {
    let depth = inner.split('/').count();
    let roots = ["crate::".to_owned(), "super::".repeat(depth)];
    let mut uses = Vec::new();
    for root in &roots {
        for (at, _) in source.code.match_indices(root.as_str()) {
            let before = &source.code[..at];
            if before.ends_with(|c: char| mask::is_word(c) || c == ':') {
                continue;
            }
            let line = before.matches('\n').count() + 1;
            let names = first_names(&source.code[at + root.len()..]);
            uses.extend(names.into_iter().map(|name| (line, name)));
        }
    }
    uses
}

/// The first segments of a path: one name, or those of a group in braces.
fn first_names(path: &str) -> Vec<String> {
    let word = |text: &str| -> String { text.chars().take_while(|c| mask::is_word(*c)).collect() };
    let Some(group) = path.strip_prefix('{') else {
        return vec![word(path)];
    };
    let mut depth = 0;
    let mut names = vec![String::new()];
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(String::new()),
            _ => {}
        }
        if let Some(name) = names.last_mut().filter(|_| depth == 0) {
            name.push(c);
        }
    }
    let first = |name: String| word(name.trim_start_matches([',', ' ', '\n']));
    names
        .into_iter()
        .map(first)
        .filter(|name| !name.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::plant;
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let violations = arrows_point_one_way(&plant(path, text));
        violations.into_iter().map(|v| v.what).collect()
    }

    #[test]
    fn an_arrow_against_the_grain_is_found_however_it_is_written() {
        let path = "process_runner/src/model/planner.rs";
        for text in [
            "use crate::runtime::Node;",
            "fn f() -> crate::runtime::Node {}",
            "use super::super::runtime;",
            "use crate::{model::{Slot, ids}, runtime::Node};",
            "use crate::{\n    runtime as r,\n};",
        ] {
            assert_eq!(
                found(path, text),
                ["`model` may not use `runtime`"],
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_allowed_or_no_code_is_not_found() {
        let path = "process_runner/src/lock/redis.rs";
        let text =
            "// crate::runtime\nuse crate::{lock::LockDriver, model::Slot};\nuse super::LockGuard;";
        assert_eq!(found(path, text), [""; 0]);
    }

    #[test]
    fn a_name_of_the_root_and_an_unknown_module_are_found() {
        let root = found("process_runner/src/lock.rs", "use crate::App;");
        assert_eq!(root, ["`lock` may not use `App`"]);
        let unknown = found("process_runner/src/drawer/things.rs", "");
        assert_eq!(
            unknown,
            ["the module `drawer` has no row in the table of layers"]
        );
    }
}
