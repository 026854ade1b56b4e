//! Problems of a configuration, for people and for machines.
//!
//! One function, four formats. All of them show the same problems in the same order; only the
//! human one has colour, and only if it is asked for. The text they cut snippets from is masked
//! already, so no format can show a secret.

mod github;
mod human;
mod json;
mod sarif;

use process_runner::config::Problems;

/// How problems are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people: with the lines of the file.
    #[default]
    Human,
    /// `{"v":1,"problems":[…]}`.
    Json,
    /// Workflow commands that GitHub shows beside the lines of a change.
    Github,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
}

impl Format {
    /// The names a user types.
    pub const NAMES: [&'static str; 4] = ["human", "json", "github", "sarif"];
}

impl std::str::FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            "github" => Ok(Self::Github),
            "sarif" => Ok(Self::Sarif),
            _ => Err(format!("the formats are {}", Self::NAMES.join(", "))),
        }
    }
}

/// Writes `problems` in `format`. Ends with a newline unless there is nothing to say.
pub fn render(problems: &Problems, format: Format, color: bool) -> String {
    match format {
        Format::Human => human::render(problems, color),
        Format::Json => json::render(problems),
        Format::Github => github::render(problems),
        Format::Sarif => sarif::render(problems),
    }
}

/// The file of `problems`, as text.
fn file(problems: &Problems) -> String {
    problems.path.display().to_string()
}

#[cfg(test)]
mod tests;
