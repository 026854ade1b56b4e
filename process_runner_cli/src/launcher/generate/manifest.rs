//! The manifest of the generated package.
//!
//! `[patch]` and `[profile]` count only in the root of a workspace, and the generated package is one
//! of its own. So it takes over those of the user's root, with paths that are still right.

use std::io;
use std::path::Path;

use toml::{Table, Value};

use super::LIBRARY;
use super::source::Sources;

/// The manifest of package `name`, which links `library` from `directory`.
pub(super) fn text(
    name: &str,
    library: &str,
    directory: &Path,
    sources: &Sources,
    root: &Path,
) -> io::Result<String> {
    let user: Table = toml::from_str(&std::fs::read_to_string(root)?).map_err(io::Error::other)?;
    let mut manifest = Table::new();
    manifest.insert("package".to_owned(), package(name));
    manifest.insert("workspace".to_owned(), Value::Table(Table::new()));
    manifest.insert(
        "dependencies".to_owned(),
        dependencies(library, directory, sources),
    );
    for section in ["patch", "profile"] {
        if let Some(mut value) = user.get(section).cloned() {
            if let Some(base) = root.parent() {
                make_absolute(&mut value, base);
            }
            manifest.insert(section.to_owned(), value);
        }
    }
    Ok(manifest.to_string())
}

fn package(name: &str) -> Value {
    let text = |text: &str| Value::String(text.to_owned());
    Value::Table(Table::from_iter([
        ("name".to_owned(), text(name)),
        ("version".to_owned(), text("0.0.0")),
        ("edition".to_owned(), text("2024")),
        ("publish".to_owned(), Value::Boolean(false)),
    ]))
}

fn dependencies(library: &str, directory: &Path, sources: &Sources) -> Value {
    let jobs = Table::from_iter([
        ("package".to_owned(), Value::String(library.to_owned())),
        (
            "path".to_owned(),
            Value::String(directory.display().to_string()),
        ),
    ]);
    Value::Table(Table::from_iter([
        (LIBRARY.to_owned(), Value::Table(jobs)),
        (
            "process_runner".to_owned(),
            Value::Table(sources.runtime.clone()),
        ),
        (
            "process_runner_cli".to_owned(),
            Value::Table(sources.command_line.clone()),
        ),
    ]))
}

/// Makes every `path` in it absolute.
fn make_absolute(value: &mut Value, base: &Path) {
    let Value::Table(table) = value else {
        return;
    };
    for (key, value) in table.iter_mut() {
        match value {
            Value::String(path) if key == "path" => *path = base.join(&*path).display().to_string(),
            value => make_absolute(value, base),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_and_profiles_are_taken_over() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("Cargo.toml");
        let user = "[package]\nname = \"mine\"\n[patch.crates-io]\ndep = { path = \"dep\" }\n\
                    [profile.dev]\ndebug = 0\n";
        std::fs::write(&root, user).unwrap();
        let entry =
            |path: &str| Table::from_iter([("path".to_owned(), Value::String(path.to_owned()))]);
        let sources = Sources {
            runtime: entry("/r"),
            command_line: entry("/c"),
        };
        let text = text("pr-mine", "mine", Path::new("/mine"), &sources, &root).unwrap();
        let manifest: Table = toml::from_str(&text).unwrap();
        let patched = manifest["patch"]["crates-io"]["dep"]["path"].as_str();
        assert_eq!(patched, directory.path().join("dep").to_str());
        assert_eq!(manifest["profile"]["dev"]["debug"].as_integer(), Some(0));
        assert_eq!(
            manifest["dependencies"]["jobs"]["package"].as_str(),
            Some("mine")
        );
        assert_eq!(manifest["workspace"].as_table().map(Table::len), Some(0));
    }
}
