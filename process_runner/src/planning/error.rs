//! Why a scenario cannot be played, and what would be understood.

use std::fmt;

/// Why a scenario cannot be played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScenarioError {
    /// It has no node.
    NoNodes,
    /// The text of a node is not of the form `NAME`, `NAME:MAX` or `NAME:MAX+LABEL=VALUE`.
    Node {
        /// What was written.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Two nodes have one name.
    NameTwice {
        /// The name.
        node: String,
    },
    /// A node is lost twice.
    LostTwice {
        /// The name.
        node: String,
    },
    /// A node that is not there is lost.
    NotThere {
        /// The name.
        node: String,
        /// Those that are there.
        there: Vec<String>,
    },
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNodes => f.write_str("there is no node to plan for: name at least one"),
            Self::Node { text, reason } => write!(f, "`{text}` is not a node: {reason}"),
            Self::NameTwice { node } => {
                write!(
                    f,
                    "node `{node}` is there twice: each needs a name of its own"
                )
            }
            Self::LostTwice { node } => write!(f, "node `{node}` is lost twice"),
            Self::NotThere { node, there } => write!(
                f,
                "node `{node}` is not there to lose; there are: {}",
                there.join(", ")
            ),
        }
    }
}

impl std::error::Error for ScenarioError {}
