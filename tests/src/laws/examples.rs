//! Law: an example is a program that runs from its own configuration file, and a test runs it.

use super::{Tree, Violation};

/// Every package below `examples` has a `config.yml` and a `tests/run.rs`.
pub fn every_example_is_run(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for manifest in &tree.files {
        let inner = manifest.path.strip_prefix("examples/");
        let Some(name) = inner.and_then(|inner| inner.strip_suffix("/Cargo.toml")) else {
            continue;
        };
        for needed in ["config.yml", "tests/run.rs"] {
            let needed = format!("examples/{name}/{needed}");
            if !tree.files.iter().any(|source| source.path == needed) {
                let what = format!("the example needs {needed}");
                violations.push(Violation::at(manifest, 1, what));
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_without_a_configuration_or_a_test_is_found() {
        let files = [
            ("examples/a/Cargo.toml", ""),
            ("examples/a/config.yml", ""),
            ("examples/a/tests/run.rs", ""),
        ];
        assert_eq!(every_example_is_run(&Tree::of(files)), []);
        assert_eq!(
            every_example_is_run(&Tree::of([files[0], files[1]])).len(),
            1
        );
        assert_eq!(every_example_is_run(&Tree::of([files[0]])).len(), 2);
    }
}
