//! Laws about manifests: versions and lints stand in the workspace's own, and nowhere else.

use super::{Source, Tree, Violation};

/// A member's dependency says `workspace = true`, and at most which features it wants.
pub fn versions_stand_in_one_place(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for manifest in members(tree) {
        let mut in_dependencies = false;
        for (at, line) in manifest.text.lines().enumerate() {
            if line.starts_with('[') {
                in_dependencies = line.contains("dependencies");
                continue;
            }
            let is_entry = in_dependencies && line.contains('=') && !line.starts_with(['#', ' ']);
            if is_entry && !line.replace(' ', "").contains("workspace=true") {
                let what = "a member takes its dependencies by `workspace = true`";
                violations.push(Violation::at(manifest, at + 1, what));
            }
        }
    }
    violations
}

/// A member obeys the workspace's lints.
pub fn lints_stand_in_one_place(tree: &Tree) -> Vec<Violation> {
    let obeys = |s: &&Source| !s.text.contains("[lints]\nworkspace = true");
    let what = "a member says `[lints] workspace = true`";
    members(tree)
        .filter(obeys)
        .map(|s| Violation::at(s, 1, what))
        .collect()
}

fn members(tree: &Tree) -> impl Iterator<Item = &Source> {
    // Manifests below `tests` folders are data, not members.
    let is_data = |s: &Source| s.path.contains("/tests/");
    tree.files
        .iter()
        .filter(move |s| s.path.ends_with("/Cargo.toml") && !is_data(s))
}

#[cfg(test)]
mod tests {
    use super::super::plant;
    use super::*;

    const GOOD: &str = "[package]\nversion = \"1\"\n[dependencies]\na.workspace = true\n\
        b = { workspace = true, features = [\"c\"] }\n\n[lints]\nworkspace = true\n";

    #[test]
    fn a_version_in_a_member_is_found() {
        assert_eq!(
            versions_stand_in_one_place(&plant("a/Cargo.toml", GOOD)),
            []
        );
        let bad = GOOD.replace("a.workspace = true", "a = \"1\"");
        assert_eq!(
            versions_stand_in_one_place(&plant("a/Cargo.toml", &bad))[0].line,
            4
        );
        let bad = GOOD.replace(
            "[dependencies]",
            "[target.x.dev-dependencies]\nd = { path = \"e\" }",
        );
        assert_eq!(
            versions_stand_in_one_place(&plant("a/Cargo.toml", &bad))[0].line,
            4
        );
    }

    #[test]
    fn a_member_with_lints_of_its_own_is_found() {
        assert_eq!(lints_stand_in_one_place(&plant("a/Cargo.toml", GOOD)), []);
        assert_eq!(
            lints_stand_in_one_place(&plant("a/Cargo.toml", "[package]")).len(),
            1
        );
    }
}
