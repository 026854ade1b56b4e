//! Law: an example is a program that runs from its own configuration file.

use super::{Tree, Violation};

/// Every package below `examples` has a `config.yml`.
pub fn every_example_has_a_config(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for manifest in &tree.files {
        let inner = manifest.path.strip_prefix("examples/");
        let Some(name) = inner.and_then(|inner| inner.strip_suffix("/Cargo.toml")) else {
            continue;
        };
        let config = format!("examples/{name}/config.yml");
        if !tree.files.iter().any(|source| source.path == config) {
            let what = format!("the example needs {config}");
            violations.push(Violation::at(manifest, 1, what));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_without_a_config_is_found() {
        let manifest = ("examples/a/Cargo.toml", "");
        assert_eq!(every_example_has_a_config(&Tree::of([manifest])).len(), 1);
        let tree = Tree::of([manifest, ("examples/a/config.yml", "")]);
        assert_eq!(every_example_has_a_config(&tree), []);
    }
}
