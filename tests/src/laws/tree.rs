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
        Ok(tree)
    }

    /// A tree that a test makes up.
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let files = files.into_iter();
        Self {
            files: files.map(|(path, text)| Source::new(path, text)).collect(),
        }
    }

    /// The Rust files that are not tests.
    pub fn code(&self) -> impl Iterator<Item = &Source> {
        self.files.iter().filter(|source| source.is_code())
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
        }
    }

    /// True for Rust that is no test, benchmark or golden file.
    pub fn is_code(&self) -> bool {
        let is_test = self
            .path
            .split('/')
            .any(|part| part == "tests" || part == "tests.rs");
        self.path.ends_with(".rs") && !is_test
    }

    /// The lines of code, each with its number from 1.
    pub fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line))
    }
}
