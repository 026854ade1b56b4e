//! A node that only a scenario knows.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use super::ScenarioError;
use crate::config::{NAME_RULE, is_name};

/// The most workers a node can be capped at, as in a configuration.
const MOST: u32 = 1_000_000;

/// A node that only a scenario knows. As text `NAME`, with `:MAX` if it runs at most so many
/// workers, and with `+LABEL=VALUE` for each label that it has besides those of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImaginedNode {
    /// Its name.
    pub name: Arc<str>,
    /// How many workers it runs at most.
    pub max_workers: Option<u32>,
    /// Labels besides those of the configuration; of two with one name, this counts.
    pub labels: BTreeMap<String, String>,
}

impl FromStr for ImaginedNode {
    type Err = ScenarioError;

    fn from_str(text: &str) -> Result<Self, ScenarioError> {
        let wrong = |reason: String| ScenarioError::Node {
            text: text.to_owned(),
            reason,
        };
        let mut parts = text.split('+');
        let node = parts.next().unwrap_or_default();
        let (name, max) = match node.split_once(':') {
            Some((name, max)) => (name, Some(max)),
            None => (node, None),
        };
        if name.is_empty() {
            return Err(wrong(
                "it has no name; write NAME or NAME:MAX_WORKERS".to_owned(),
            ));
        }
        if !is_name(name) {
            return Err(wrong(format!("a name is {NAME_RULE}")));
        }
        let max_workers = match max.map(str::parse) {
            None => None,
            Some(Ok(max @ 1..=MOST)) => Some(max),
            Some(_) => {
                let reason = format!(
                    "after the colon stands how many workers it runs at most, from 1 to {MOST}"
                );
                return Err(wrong(reason));
            }
        };
        let mut labels = BTreeMap::new();
        for label in parts {
            match label.split_once('=') {
                Some((label, value)) if !label.is_empty() => {
                    labels.insert(label.to_owned(), value.to_owned());
                }
                _ => return Err(wrong(format!("`+{label}` is not +LABEL=VALUE"))),
            }
        }
        Ok(Self {
            name: name.into(),
            max_workers,
            labels,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_a_cap_and_labels() {
        let node: ImaginedNode = "gpu-1:8+role=gpu+disk=".parse().unwrap();
        assert_eq!((&*node.name, node.max_workers), ("gpu-1", Some(8)));
        let labels = [("role", "gpu"), ("disk", "")];
        assert_eq!(
            node.labels,
            labels.map(|(a, b)| (a.to_owned(), b.to_owned())).into()
        );
        let bare: ImaginedNode = "a".parse().unwrap();
        assert_eq!((bare.max_workers, bare.labels.len()), (None, 0));
    }

    #[test]
    fn anything_else_is_refused_and_shown() {
        for text in [
            "",
            ":3",
            "a b",
            "a/b",
            "..",
            "a:",
            "a:0",
            "a:-1",
            "a:1e3",
            "a:1000001",
            "a:99999999999999999999",
            "a:1:2",
            "a+",
            "a+x",
            "a+=x",
        ] {
            let error = text.parse::<ImaginedNode>().unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("`{text}` is not a node: ")),
                "{error}"
            );
        }
    }
}
