//! How a run ended, and how the shim writes that down for the node.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// How a run ended. Its text continues "the program …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::command) enum Outcome {
    /// With this status.
    Exited(i32),
    /// By this signal.
    Killed(i32),
    /// It never began.
    NotStarted(String),
    /// The shim was killed by somebody else, so nobody knows.
    Vanished,
}

impl Outcome {
    /// The outcome of a process that was reaped.
    pub(in crate::command) fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(code),
            (None, Some(signal)) => Self::Killed(signal),
            (None, None) => Self::Vanished,
        }
    }

    /// One line for the socket.
    pub(in crate::command) fn to_line(&self) -> String {
        match self {
            Self::Exited(code) => format!("exited {code}\n"),
            Self::Killed(signal) => format!("killed {signal}\n"),
            Self::NotStarted(why) => format!("not-started {}\n", why.replace('\n', " ")),
            Self::Vanished => String::new(),
        }
    }

    /// Reads such a line. A shim that died left none, or half of one.
    pub(in crate::command) fn from_line(line: &str) -> Self {
        let parsed = line.strip_suffix('\n').and_then(|line| {
            let (kind, rest) = line.split_once(' ')?;
            match kind {
                "exited" => rest.parse().ok().map(Self::Exited),
                "killed" => rest.parse().ok().map(Self::Killed),
                "not-started" => Some(Self::NotStarted(rest.to_owned())),
                _ => None,
            }
        });
        parsed.unwrap_or(Self::Vanished)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exited with status {code}"),
            Self::Killed(signal) => write!(f, "was killed by signal {signal}"),
            Self::NotStarted(why) => write!(f, "could not be started: {why}"),
            Self::Vanished => f.write_str("was killed together with its shim"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        for outcome in [
            Outcome::Exited(3),
            Outcome::Killed(9),
            Outcome::NotStarted("no such file".to_owned()),
            Outcome::Vanished,
        ] {
            assert_eq!(Outcome::from_line(&outcome.to_line()), outcome);
        }
        assert_eq!(
            Outcome::from_line("exited 1"),
            Outcome::Vanished,
            "half a line"
        );
        assert_eq!(Outcome::from_line("what\n"), Outcome::Vanished);
    }
}
