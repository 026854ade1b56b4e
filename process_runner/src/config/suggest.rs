//! "Did you mean …?"

/// Nobody means a short name by a longer one than this.
const MAX_LENGTH: usize = 100;

/// The known names that `wrong` may stand for, best first, at most three.
pub(crate) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    // The distance takes time and memory by the length of both; this is no slip of a finger.
    if wrong.len() > MAX_LENGTH {
        return Vec::new();
    }
    let lower = wrong.to_lowercase();
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .filter_map(|name| {
            let candidate = name.to_lowercase();
            let distance = strsim::damerau_levenshtein(&lower, &candidate);
            // Of a name of two letters anything is at most two edits away.
            let close =
                distance <= 2 && distance < candidate.chars().count().min(lower.len()).max(1);
            let alike = strsim::jaro_winkler(&lower, &candidate) > 0.85;
            (close || alike).then_some((distance, name))
        })
        .collect();
    near.sort_by_key(|(distance, _)| *distance);
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

/// "did you mean `a`, or `b`?", or nothing.
pub(crate) fn question(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        names => format!("did you mean {}?", list(names).replace(", ", " or ")),
    }
}

/// "`a`, `b`".
pub(crate) fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_find_their_name() {
        let keys = ["workers", "class", "max_per_node", "interval"];
        assert_eq!(nearest("wrokers", keys), ["workers"]);
        assert_eq!(nearest("Worker", keys), ["workers"]);
        assert_eq!(nearest("max_per_nod", keys), ["max_per_node"]);
        assert!(nearest("banana", keys).is_empty());
        assert!(nearest("x", ["ab"]).is_empty());
    }

    #[test]
    fn a_long_name_costs_little() {
        let long = "workers".repeat(500_000);
        assert!(nearest(&long, ["workers"]).is_empty());
    }
}
