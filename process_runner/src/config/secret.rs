//! Values that are never shown.
//!
//! What comes out of a `${…}` is secret because nobody can tell which variable is not; so is what
//! stands under a key like `password`, and a URL with a password in it. The first is not in the
//! file, the others are masked in every snippet.

use std::fmt;

use super::source::Source;

/// A value that prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `value`.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Words that make a key secret, alone or as the last part of it.
const WORDS: [&str; 10] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "apikey",
    "access_key",
    "private_key",
    "credentials",
];

/// Whether the value of `key` is a secret: `password`, `db_password`, `API-TOKEN`.
pub(super) fn is_secret_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace('-', "_");
    WORDS.iter().any(|word| {
        key.strip_suffix(word)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('_'))
    })
}

/// Whether `text` holds the secret itself, and not just the name of a variable.
pub(super) fn is_literal(text: &str) -> bool {
    !text.starts_with("${") || text.contains(":-")
}

/// Whether `text` is a URL with a password in it: `postgres://user:password@host`.
pub(super) fn is_url_with_password(text: &str) -> bool {
    text.split_once("://").is_some_and(|(_, rest)| {
        let authority = rest.split('/').next().unwrap_or_default();
        let user = authority.rsplit_once('@').map(|(user, _)| user);
        user.is_some_and(|user| user.contains(':'))
    })
}

/// Masks what follows a secret key on its line, and the deeper lines below it. For a file that
/// could not be parsed; rather too much than too little.
pub(super) fn mask_lines(source: &mut Source) {
    let mut ranges = Vec::new();
    let mut start = 0;
    let mut secret_indent = None;
    for line in source.text().split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        if secret_indent.is_some_and(|outer| indent > outer || line.trim().is_empty()) {
            ranges.push(start..start + line.len());
        } else {
            secret_indent = None;
            if let Some(at) = secret_value(line) {
                ranges.push(start + at..start + line.len());
                secret_indent = Some(indent);
            }
        }
        start += line.len();
    }
    for range in ranges {
        source.mask(range);
    }
}

/// Where the value begins on a line with a secret key.
fn secret_value(line: &str) -> Option<usize> {
    if is_url_with_password(line) {
        return line.find("://");
    }
    let lower = line.to_ascii_lowercase();
    WORDS
        .iter()
        .filter_map(|word| {
            let at = lower.find(word)? + word.len();
            let colon = lower[at..].find(':')?;
            Some(at + colon + 1)
        })
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_as_stars() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn urls_are_secret_for_their_password() {
        assert!(is_url_with_password("postgres://app:hunter2@db/jobs"));
        assert!(is_url_with_password("http://a:b@c@d:2379"));
        assert!(!is_url_with_password("postgres://app@db/jobs"));
        assert!(!is_url_with_password("http://db:5432/a:b@c"));
    }

    #[test]
    fn keys_are_secret_by_their_last_word() {
        for key in [
            "password",
            "db_password",
            "API-TOKEN",
            "AWS_SECRET_ACCESS_KEY",
        ] {
            assert!(is_secret_key(key), "{key}");
        }
        for key in ["passwords_file", "batch_size", "tokens", "compassword"] {
            assert!(!is_secret_key(key), "{key}");
        }
    }
}
