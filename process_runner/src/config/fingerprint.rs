//! The hash by which nodes tell whether they run the same jobs.
//!
//! FNV-1a of 128 bits over canonical JSON: the same on every machine, every version of Rust and
//! for every order of the file. It tells accidents apart; nobody gains by forging it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, json};

use super::job::JobConfig;

const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// What the planner needs to know of `jobs`, as canonical JSON.
pub(super) fn settings(jobs: &BTreeMap<Arc<str>, JobConfig>) -> String {
    let jobs: Map<String, serde_json::Value> = jobs
        .values()
        .map(|job| {
            let mut settings = json!({
                "class": job.class,
                "max_per_node": job.max_per_node,
                "workers": job.workers,
            });
            // Left out where there are none, so that those jobs keep the hash of older versions.
            if !job.labels.is_empty() {
                settings["labels"] = json!(job.labels);
            }
            (job.name.to_string(), settings)
        })
        .collect();
    json!({ "jobs": jobs, "v": 1 }).to_string()
}

/// The hash of `text`, 32 hexadecimal digits.
pub(super) fn hash(text: &str) -> String {
    let hash = text.bytes().fold(OFFSET, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(PRIME)
    });
    format!("{hash:032x}")
}

#[cfg(test)]
mod tests {
    use super::hash;

    #[test]
    fn is_fnv_1a_128() {
        // From the test vectors of the algorithm's authors.
        assert_eq!(hash(""), "6c62272e07bb014262b821756295c58d");
        assert_eq!(hash("a"), "d228cb696f1a8caf78912b704e4a8964");
    }
}
