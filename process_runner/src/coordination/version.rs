//! What is known to be wrong with some versions of etcd, said once at the start of a node.
//!
//! | version | what |
//! |---|---|
//! | before 3.4.31, 3.5.0 to 3.5.12 | a leader that stood still revokes, when it goes on, leases that were renewed meanwhile (etcd#15247) |
//! | 3.5.0 to 3.5.2 | members may come to hold different data after a crash (etcd#13766) |
//!
//! # How it fails
//!
//! A member that does not say its version is passed over: nothing depends on it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Etcd;

/// Leases end early.
const REVOKES_EARLY: &str = "a leader that stood still may end leases that were renewed, and two workers \
    of one index overlap for a moment, kept apart by their fences (etcd#15247)";
/// Data differs.
const INCONSISTENT: &str = "members may come to hold different data after a crash (etcd#13766)";

/// Nobody waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks each member for its version, and warns of what is known to be wrong with it: once for all members
/// of a version.
///
/// Dropped, it has said less.
pub(crate) async fn warn_of_versions(etcd: &Etcd) {
    let mut members: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (endpoint, version) in etcd.versions(PATIENCE).await {
        members.entry(version).or_default().push(endpoint);
    }
    for (version, endpoints) in members {
        let endpoints = endpoints.join(", ");
        for risk in risks(&version) {
            tracing::warn!(
                %endpoints, etcd = %version,
                "this version of etcd has a fault: {risk}; a newer one has not"
            );
        }
    }
}

/// What is known to be wrong with a version like `3.5.1`. Nothing with one that cannot be read.
fn risks(version: &str) -> Vec<&'static str> {
    let mut numbers = version.split(['.', '-', '+']).map(str::parse::<u32>);
    let mut number = || numbers.next().and_then(Result::ok);
    let (Some(major), Some(minor), Some(patch)) = (number(), number(), number()) else {
        return Vec::new();
    };
    let mut risks = Vec::new();
    if (major, minor, patch) < (3, 4, 31) || (major == 3 && minor == 5 && patch < 13) {
        risks.push(REVOKES_EARLY);
    }
    if major == 3 && minor == 5 && patch < 3 {
        risks.push(INCONSISTENT);
    }
    risks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_its_risks() {
        for (version, expected) in [
            ("3.3.27", vec![REVOKES_EARLY]),
            ("3.4.23", vec![REVOKES_EARLY]),
            ("3.4.31", vec![]),
            ("3.5.0", vec![REVOKES_EARLY, INCONSISTENT]),
            ("3.5.1", vec![REVOKES_EARLY, INCONSISTENT]),
            ("3.5.3", vec![REVOKES_EARLY]),
            ("3.5.13", vec![]),
            ("3.6.0-rc.1", vec![]),
            ("4.0.0", vec![]),
            ("unknown", vec![]),
            ("3.5", vec![]),
        ] {
            assert_eq!(risks(version), expected, "{version}");
        }
    }
}
