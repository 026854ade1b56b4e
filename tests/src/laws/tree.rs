//! The sources that the laws are about.

use std::fs;
use std::io;
use std::path::Path;

use super::mask;

/// Every text file of the workspace that a person wrote.
#[derive(Debug, Default)]
pub struct Tree {
    /// The files, by path.
    pub files: Vec<Source>,
}

/// One file.
#[derive(Debug, Clone)]
pub struct Source {
    /// From the workspace's root, with `/`.
    pub path: String,
    /// What it says.
    pub text: String,
    /// Of a Rust file: its code alone, without comments, literals and tests, in the same lines.
    pub code: String,
    /// True for a module that its parent declares under `#[cfg(test)]`.
    for_tests: bool,
}

const WRITTEN: [&str; 6] = ["rs", "toml", "md", "yml", "yaml", "json"];

impl Tree {
    /// Reads the workspace at `root`, without what is built or hidden; `.ci` is neither.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut tree = Self::default();
        tree.read_folder(root, "")?;
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        tree.mark_test_modules();
        Ok(tree)
    }

    /// A tree that a test makes up.
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let files = files.into_iter();
        let mut tree = Self {
            files: files.map(|(path, text)| Source::new(path, text)).collect(),
        };
        tree.mark_test_modules();
        tree
    }

    /// The Rust files that are not tests.
    pub fn code(&self) -> impl Iterator<Item = &Source> {
        self.files.iter().filter(|source| source.is_code())
    }

    fn mark_test_modules(&mut self) {
        let modules: Vec<String> = self.files.iter().flat_map(Source::test_modules).collect();
        for source in &mut self.files {
            let is_module = |module: &String| {
                source
                    .path
                    .strip_prefix(module.as_str())
                    .is_some_and(|rest| rest.starts_with(['.', '/']))
            };
            source.for_tests = modules.iter().any(is_module);
        }
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            if entry.file_type()?.is_dir() {
                let built_or_hidden = name == "target" || name.starts_with('.') && name != ".ci";
                if !built_or_hidden {
                    self.read_folder(&entry.path(), &format!("{path}/"))?;
                }
            } else if is_written(&path) {
                // A file that is not text was not written by hand.
                if let Ok(text) = fs::read_to_string(entry.path()) {
                    self.files.push(Source::new(&path, &text));
                }
            }
        }
        Ok(())
    }
}

fn is_written(path: &str) -> bool {
    let ending = Path::new(path).extension().and_then(|e| e.to_str());
    path.starts_with(".ci/") || ending.is_some_and(|ending| WRITTEN.contains(&ending))
}

impl Source {
    /// A file with this text.
    pub fn new(path: &str, text: &str) -> Self {
        let code = if path.ends_with(".rs") {
            mask::without_tests(&mask::code_only(text))
        } else {
            String::new()
        };
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code,
            for_tests: false,
        }
    }

    /// The modules that this file declares for tests alone: their paths, without an ending.
    fn test_modules(&self) -> Vec<String> {
        let Some(stem) = self.path.strip_suffix(".rs") else {
            return Vec::new();
        };
        let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
        let inside = if matches!(name, "lib" | "main") {
            folder
        } else {
            stem
        };
        let declared = self.text.split("#[cfg(test)]\n").skip(1);
        declared
            .filter_map(|rest| {
                let item = rest.lines().next()?;
                let item = item.strip_prefix("pub(crate) ").unwrap_or(item);
                item.strip_prefix("mod ")?.strip_suffix(';')
            })
            .map(|module| format!("{inside}/{module}"))
            .collect()
    }

    /// True for Rust that is no test, benchmark or golden file.
    pub fn is_code(&self) -> bool {
        let is_test = self
            .path
            .split('/')
            .any(|part| part == "tests" || part == "tests.rs");
        self.path.ends_with(".rs") && !is_test && !self.for_tests
    }

    /// The lines of code, each with its number from 1.
    pub fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_no_code_wherever_they_are() {
        let tree = Tree::of([
            (
                "a/src/lib.rs",
                "//! A.\n#[cfg(test)]\nmod golden;\nmod real;\n#[cfg(test)]\npub(crate) mod scene;\n",
            ),
            ("a/src/scene.rs", ""),
            ("a/src/golden.rs", ""),
            ("a/src/golden/part.rs", ""),
            ("a/src/golden_age.rs", ""),
            ("a/src/real.rs", "//! R.\n#[cfg(test)]\nmod tests;"),
            ("a/src/real/tests.rs", ""),
            ("a/tests/b.rs", ""),
        ]);
        let code: Vec<_> = tree.code().map(|source| source.path.as_str()).collect();
        assert_eq!(
            code,
            ["a/src/lib.rs", "a/src/golden_age.rs", "a/src/real.rs"]
        );
    }
}
