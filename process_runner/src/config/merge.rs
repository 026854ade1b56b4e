//! The end of a mapping: duplicates are found and merge keys applied.
//!
//! What is written in the mapping itself wins over what `<<` brings in, and of several merged
//! mappings the earlier one wins, as YAML's merge key type has it.

use std::collections::{HashMap, HashSet};

use super::problem::Problem;
use super::tree::{Entry, Node, Value};

/// The text of a key that was reported already; no file can contain it.
pub(super) const NO_KEY: &str = "\0";

/// The entries of a mapping, without duplicates and with its merge keys applied.
pub(super) fn apply(entries: Vec<Entry>, problems: &mut Vec<Problem>) -> Vec<Entry> {
    let mut kept = Vec::with_capacity(entries.len());
    let mut merged = Vec::new();
    let mut first = HashMap::new();
    for entry in entries {
        if entry.key.text == NO_KEY {
            continue;
        }
        let key = &entry.key;
        if let Some(earlier) = first.insert(key.text.clone(), key.span) {
            problems.push(
                Problem::at(
                    "PR0110",
                    key.span,
                    format!("the key `{}` is given twice", key.text),
                )
                .label(key.span, "given again here")
                .also(earlier, "first given here"),
            );
        } else if entry.key.text == "<<" {
            merged.push(entry.node);
        } else {
            kept.push(entry);
        }
    }
    let mut known: HashSet<String> = first.into_keys().collect();
    for node in merged {
        merge(node, &mut kept, &mut known, problems);
    }
    kept
}

fn merge(
    node: Node,
    kept: &mut Vec<Entry>,
    known: &mut HashSet<String>,
    problems: &mut Vec<Problem>,
) {
    let span = node.used_at.unwrap_or(node.span);
    match node.value {
        Value::Map(entries) => {
            for mut entry in entries {
                if known.insert(entry.key.text.clone()) {
                    entry.node.used_at = Some(span);
                    kept.push(entry);
                }
            }
        }
        Value::List(items) if items.iter().all(|item| matches!(item.value, Value::Map(_))) => {
            for item in items {
                merge(item, kept, known, problems);
            }
        }
        Value::Broken => {}
        _ => problems.push(
            Problem::at(
                "PR0109",
                span,
                "`<<` merges a mapping or a list of mappings",
            )
            .label(span, "this is something else")
            .help("write `<<: *anchor`"),
        ),
    }
}
