//! Laws: the model imports `std` alone, and without its side effects; two foreign packages are
//! named only where their adapter is, and the clock on the wall only where the clock is.

use super::{Source, Tree, Violation, mask};

const MODEL: &str = "process_runner/src/model";

/// What the standard library offers that is no pure computation.
const EFFECTS: [&str; 9] = [
    "Instant",
    "SystemTime",
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread",
    "println",
];

/// A package, or a type, and the folders or files that may name it.
const PLACES: &[(&str, &[&str])] = &[
    (
        "etcd_client",
        &[
            "process_runner/src/coordination",
            "process_runner/src/embedded",
            // They compare with the bare client.
            "process_runner/benches",
        ],
    ),
    ("serde_yaml", &["process_runner/src/config"]),
    // The clock on the wall leaps. What people agreed on may ask for it, through `Clock`.
    (
        "SystemTime",
        &["process_runner/src/clock", "process_runner_cli/examples"],
    ),
];

/// The model decides and does nothing else, so that every order of events can be tried in a test.
pub fn model_imports_std_only(tree: &Tree) -> Vec<Violation> {
    let packages = dependencies(tree);
    let mut violations = Vec::new();
    for source in tree.code().filter(|s| is_in(s, MODEL)) {
        for package in &packages {
            let what = format!("the model imports std only, and this is `{package}`");
            violations
                .extend(named(source, package).map(|line| Violation::at(source, line, &what)));
        }
        for effect in EFFECTS {
            let what =
                format!("the model has no side effects and no clock, and this is `{effect}`");
            violations.extend(named(source, effect).map(|line| Violation::at(source, line, &what)));
        }
    }
    violations
}

/// So that etcd's client or the YAML parser can be replaced in one place, and time be an argument.
pub fn foreign_names_stay_in_place(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (package, places) in PLACES {
        let elsewhere = |s: &&Source| {
            s.path.starts_with("process_runner") && !places.iter().any(|place| is_in(s, place))
        };
        for source in tree.code().filter(elsewhere) {
            let what = format!("`{package}` is named only in {}", places.join(" and "));
            violations
                .extend(named(source, package).map(|line| Violation::at(source, line, &what)));
        }
    }
    violations
}

/// The packages that the runtime library depends on, as its code names them.
fn dependencies(tree: &Tree) -> Vec<String> {
    let manifest = tree
        .files
        .iter()
        .find(|s| s.path == "process_runner/Cargo.toml");
    let text = manifest.map_or("", |manifest| manifest.text.as_str());
    let section = text.split("[dependencies]").nth(1).unwrap_or_default();
    let lines = section
        .lines()
        .skip(1)
        .take_while(|line| !line.starts_with('['));
    lines
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .map(|name| name.replace('-', "_"))
        .collect()
}

/// True if `source` is the module at `place`, or below it.
fn is_in(source: &Source, place: &str) -> bool {
    source
        .path
        .strip_prefix(place)
        .is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
}

/// The lines whose code has `name` as a whole word, outside of longer paths.
fn named<'a>(source: &'a Source, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    source
        .code_lines()
        .filter(move |(_, line)| has_word(line, name))
        .map(|(at, _)| at)
}

fn has_word(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + name.len()..]);
        !before.ends_with(|c: char| mask::is_word(c) || c == '.')
            && !after.starts_with(mask::is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: (&str, &str) = (
        "process_runner/Cargo.toml",
        "[package]\nname = \"x\"\n[dependencies]\nserde-json.workspace = true\ntokio = { workspace = true }\n",
    );

    fn model(text: &str) -> Vec<usize> {
        let tree = Tree::of([MANIFEST, ("process_runner/src/model/planner.rs", text)]);
        model_imports_std_only(&tree)
            .iter()
            .map(|v| v.line)
            .collect()
    }

    #[test]
    fn a_foreign_package_or_a_clock_in_the_model_is_found() {
        assert_eq!(model("use tokio::time;"), [1]);
        assert_eq!(model("\nfn f(v: &serde_json::Value) {}"), [2]);
        assert_eq!(model("use std::time::{Duration, Instant};"), [1]);
        assert_eq!(model("let x = std::env::var(y);"), [1]);
    }

    #[test]
    fn what_only_looks_like_it_is_not_found() {
        assert_eq!(model("// tokio\nfn tokio_like(my_tokio: u32) {}"), [0; 0]);
        assert_eq!(
            model("use std::time::Duration;\n#[cfg(test)]\nmod tests { use tokio::x; }"),
            [0; 0]
        );
    }

    #[test]
    fn a_foreign_name_out_of_place_is_found() {
        let text = "use etcd_client::Client;\nuse serde_yaml::Value;";
        let out = |path| foreign_names_stay_in_place(&Tree::of([(path, text)])).len();
        assert_eq!(out("process_runner/src/runtime/node.rs"), 2);
        assert_eq!(out("process_runner/src/coordination/session.rs"), 1);
        assert_eq!(out("process_runner/src/config.rs"), 1);
        assert_eq!(out("process_runner_cli/src/lib.rs"), 2);
        assert_eq!(out("process_runner/src/configuration.rs"), 2);
        let text = "let now = std::time::SystemTime::now();";
        let out = |path| foreign_names_stay_in_place(&Tree::of([(path, text)])).len();
        assert_eq!(out("process_runner/src/coordination/heartbeat.rs"), 1);
        assert_eq!(out("process_runner/src/clock.rs"), 0);
    }
}
