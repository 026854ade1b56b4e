//! A set of worker indexes as a record shows it: `"0-3,7"`.
//!
//! A plan of a hundred slots stays a short, readable line, and its size does not grow with runs.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Worker indexes, ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Indexes(pub(crate) BTreeSet<u32>);

impl Indexes {
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.iter().copied()
    }

    pub(crate) fn contains(&self, index: u32) -> bool {
        self.0.contains(&index)
    }

    pub(crate) fn insert(&mut self, index: u32) {
        self.0.insert(index);
    }
}

impl FromIterator<u32> for Indexes {
    fn from_iter<I: IntoIterator<Item = u32>>(indexes: I) -> Self {
        Self(indexes.into_iter().collect())
    }
}

/// Runs of three and more are written as a range.
impl fmt::Display for Indexes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut indexes = self.iter().peekable();
        let mut first = true;
        while let Some(from) = indexes.next() {
            let mut to = from;
            while let Some(next) = indexes.next_if(|next| *next == to + 1) {
                to = next;
            }
            let comma = if first { "" } else { "," };
            first = false;
            match to - from {
                0 => write!(f, "{comma}{from}")?,
                1 => write!(f, "{comma}{from},{to}")?,
                _ => write!(f, "{comma}{from}-{to}")?,
            }
        }
        Ok(())
    }
}

impl Serialize for Indexes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Indexes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        let mut indexes = Self::default();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let number = |text: &str| text.parse::<u32>().map_err(D::Error::custom);
            let (from, to) = (number(from)?, number(to)?);
            // A range that a damaged value made huge must not fill the memory.
            if to.checked_sub(from).is_none_or(|length| length > MAX_RANGE) {
                return Err(D::Error::custom(format!(
                    "`{part}` is not a range of indexes"
                )));
            }
            indexes.0.extend(from..=to);
        }
        Ok(indexes)
    }
}

/// More workers than any job has.
const MAX_RANGE: u32 = 10_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_ranges_and_read_back() {
        for (indexes, text) in [
            (vec![], r#""""#),
            (vec![4], r#""4""#),
            (vec![0, 1, 3], r#""0,1,3""#),
            (vec![0, 1, 2, 7, 9, 10, 11, 12], r#""0-2,7,9-12""#),
        ] {
            let indexes: Indexes = indexes.into_iter().collect();
            assert_eq!(serde_json::to_string(&indexes).unwrap(), text);
            assert_eq!(serde_json::from_str::<Indexes>(text).unwrap(), indexes);
        }
    }

    #[test]
    fn what_is_no_set_of_indexes_is_refused() {
        for text in [
            r#""a""#,
            r#""3-1""#,
            r#""1--2""#,
            r#""-1""#,
            r#""0-4294967295""#,
        ] {
            assert!(serde_json::from_str::<Indexes>(text).is_err(), "{text}");
        }
    }
}
