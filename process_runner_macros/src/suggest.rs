//! "Did you mean": the nearest of the names that would have been right.

/// How alike two names must be (1 is equal) before one is offered for the other: `etdc` and
/// `etcd` are 0.92, `default` and `state` 0.57.
const ALIKE: f64 = 0.8;

/// The known name that `wrong` most likely stands for.
pub(crate) fn nearest<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    known
        .iter()
        .map(|name| (strsim::jaro_winkler(&wrong, name), *name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

/// `` `a`, `b` or `c` ``.
pub(crate) fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognized_and_another_word_is_not() {
        let keys = ["default", "state", "skip"];
        for (wrong, meant) in [
            ("defualt", Some("default")),
            ("Default", Some("default")),
            ("stat", Some("state")),
            ("skipp", Some("skip")),
            ("shared", None),
            ("", None),
        ] {
            assert_eq!(nearest(wrong, &keys), meant, "{wrong}");
        }
    }

    #[test]
    fn names_are_listed_as_in_a_sentence() {
        assert_eq!(list(&[]), "");
        assert_eq!(list(&["a"]), "`a`");
        assert_eq!(list(&["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
