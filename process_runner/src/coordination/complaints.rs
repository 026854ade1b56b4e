//! What the members of an etcd said that do not serve: two that are down and a third without a leader
//! are one outage, and only together do the three sentences say which.
//!
//! # How it fails
//!
//! It does not. Without a complaint it says nothing.

/// Reasons in the order in which they came, each with the endpoints that gave it.
#[derive(Debug, Default)]
pub(super) struct Complaints(Vec<(String, Vec<String>)>);

impl Complaints {
    /// Takes down what was said at `endpoint`.
    pub(super) fn add(&mut self, endpoint: &str, reason: String) {
        let endpoint = endpoint.to_owned();
        match self.0.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, endpoints)) => endpoints.push(endpoint),
            None => self.0.push((reason, vec![endpoint])),
        }
    }

    /// All of them as one reason: the only one, or each with its endpoints.
    pub(super) fn reason(self) -> String {
        if let [(only, _)] = self.0.as_slice() {
            return only.clone();
        }
        let each = self.0.into_iter();
        let each: Vec<_> = each
            .map(|(reason, endpoints)| format!("{reason} ({})", endpoints.join(", ")))
            .collect();
        each.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(said: &[(&str, &str)]) -> String {
        let mut complaints = Complaints::default();
        for (endpoint, reason) in said {
            complaints.add(endpoint, (*reason).to_owned());
        }
        complaints.reason()
    }

    #[test]
    fn what_all_say_is_said_once() {
        assert_eq!(reason(&[("a", "refused"), ("b", "refused")]), "refused");
    }

    #[test]
    fn what_only_some_say_is_said_with_their_endpoints() {
        let said = [("a", "no leader"), ("b", "refused"), ("c", "refused")];
        assert_eq!(reason(&said), "no leader (a); refused (b, c)");
    }
}
