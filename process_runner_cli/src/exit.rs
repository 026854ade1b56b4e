//! How a command ends: the exit codes, which scripts and service managers rely on, and a failure
//! with what to do about it.

use std::fmt;
use std::process::ExitCode;

use crate::output;

/// The exit code of a command. The numbers from 64 on follow `sysexits.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or stopped in order.
    Clean = 0,
    /// It failed; the message says why.
    Failure = 1,
    /// The arguments are wrong.
    Usage = 2,
    /// The drain deadline passed and workers were aborted. Alert somebody; do not just restart.
    DrainDeadline = 3,
    /// There is no configuration file where one was named.
    NoInput = 66,
    /// etcd did not answer at start within `--wait`. A restart may help.
    Unavailable = 69,
    /// A bug or a broken machine: report it.
    Internal = 70,
    /// The node lost its membership and stopped its workers. A restart helps.
    LostMembership = 75,
    /// The configuration is wrong. A restart does not help.
    InvalidConfig = 78,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl Exit {
    /// The exit that has this number; a number that none has is a bug of whoever chose it.
    pub(crate) fn from_code(code: u8) -> Self {
        let all = [
            Self::Clean,
            Self::Failure,
            Self::Usage,
            Self::DrainDeadline,
            Self::NoInput,
            Self::Unavailable,
            Self::Internal,
            Self::LostMembership,
            Self::InvalidConfig,
        ];
        let found = all.into_iter().find(|exit| exit.code() == code);
        found.unwrap_or(Self::Internal)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// Why a command ended early: what happened, and what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    /// `None` if it was told already.
    message: Option<String>,
    help: Option<String>,
}

impl Failure {
    /// A failure that ends the process with `exit`.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: Some(message.into()),
            help: None,
        }
    }

    /// A failure that the user has read about.
    pub(crate) fn told(exit: Exit) -> Self {
        Self {
            exit,
            message: None,
            help: None,
        }
    }

    /// Adds what to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// How the process is to end.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Tells it on stderr and gives the exit code.
    pub(crate) fn report(self) -> Exit {
        if self.message.is_some() {
            output::note(&self.to_string());
        }
        self.exit
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "error: {}",
            self.message.as_deref().unwrap_or("see above")
        )?;
        if let Some(help) = &self.help {
            for (at, line) in help.lines().enumerate() {
                let lead = if at == 0 { "  help: " } else { "        " };
                write!(f, "\n{lead}{line}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_that_scripts_rely_on() {
        let codes = [
            (Exit::Clean, 0),
            (Exit::Failure, 1),
            (Exit::Usage, 2),
            (Exit::DrainDeadline, 3),
            (Exit::NoInput, 66),
            (Exit::Unavailable, 69),
            (Exit::Internal, 70),
            (Exit::LostMembership, 75),
            (Exit::InvalidConfig, 78),
        ];
        for (exit, code) in codes {
            assert_eq!(exit.code(), code, "{exit:?}");
            assert_eq!(Exit::from_code(code), exit);
        }
    }

    #[test]
    fn help_of_several_lines_is_indented() {
        let failure = Failure::new(Exit::Failure, "it broke").help("do this\nor that");
        assert_eq!(
            failure.to_string(),
            "error: it broke\n  help: do this\n        or that"
        );
    }
}
