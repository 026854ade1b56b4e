//! What can go wrong between a node and etcd, translated once from the client's errors.
//!
//! Two questions decide what a caller does: may the write still take place
//! ([`CallError::is_unknown`]), and does repeating help. The texts and codes are etcd's own; where
//! they come from is written beside each.

use std::fmt;
use std::path::PathBuf;

use tonic::Code;

/// How one call to etcd failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CallError {
    /// It was not sent or was refused at the door: it did not take place and will not.
    NotDone(String),
    /// Nobody knows whether it took place, or whether it still will.
    Unknown(String),
    /// The lease does not exist any more.
    LeaseGone,
    /// etcd's quota is used up: nothing can be acquired, what is held can be kept and released.
    NoSpace,
    /// Wrong name or password, an expired token, or no permission on a key.
    Denied(String),
    /// The history that was asked for is compacted.
    Compacted,
    /// The answer shows the store at an older revision than one that was seen before it was asked.
    Older {
        /// The newest that was seen.
        seen: i64,
        /// That of the answer.
        answered: i64,
    },
    /// etcd understood the request and refused it for good.
    Refused(String),
}

impl CallError {
    /// True if the write may have taken place or may still do so.
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDone(text) | Self::Unknown(text) => f.write_str(text),
            Self::LeaseGone => f.write_str("the lease is gone"),
            Self::NoSpace => f.write_str(
                "etcd is out of space: compact and defragment it, then disarm its NOSPACE alarm",
            ),
            Self::Denied(text) => write!(f, "etcd denies access: {text}"),
            Self::Compacted => f.write_str("the history asked for is compacted"),
            Self::Older { seen, answered } => write!(
                f,
                "the revision of the store went back from {seen} to {answered}"
            ),
            Self::Refused(text) => write!(f, "etcd refused the request: {text}"),
        }
    }
}

impl std::error::Error for CallError {}

impl From<etcd_client::Error> for CallError {
    fn from(error: etcd_client::Error) -> Self {
        match error {
            etcd_client::Error::GRpcStatus(status) => from_status(status.code(), status.message()),
            // The client has one word for two things: a first answer with `ttl <= 0`, and a stream
            // that was closed when the next renewal was to be sent. Only the first says anything of
            // the lease.
            etcd_client::Error::LeaseKeepAliveError(text) if text == "lease not found" => {
                Self::LeaseGone
            }
            other => Self::NotDone(other.to_string()),
        }
    }
}

fn from_status(code: Code, message: &str) -> CallError {
    let has = |part: &str| message.contains(part);
    match code {
        Code::NotFound if has("lease not found") => CallError::LeaseGone,
        Code::ResourceExhausted if has("database space exceeded") => CallError::NoSpace,
        Code::OutOfRange if has("compacted") => CallError::Compacted,
        Code::Unauthenticated | Code::PermissionDenied => CallError::Denied(message.to_owned()),
        // rpctypes: ErrAuthFailed, ErrAuthOldRevision, ErrUserEmpty, ErrAuthNotEnabled.
        Code::InvalidArgument if has("auth") || has("user name is empty") => {
            CallError::Denied(message.to_owned())
        }
        Code::FailedPrecondition if has("authentication is not enabled") => {
            CallError::Denied(message.to_owned())
        }
        Code::Unavailable if has("no leader") => CallError::NotDone(format!(
            "{message}: more than half of its members have to be up"
        )),
        Code::Unavailable if has("tcp connect error") || has("dns error") => {
            CallError::NotDone(message.to_owned())
        }
        Code::InvalidArgument
        | Code::FailedPrecondition
        | Code::Unimplemented
        | Code::OutOfRange
        | Code::ResourceExhausted => CallError::Refused(message.to_owned()),
        // Timeouts, cut connections, a change of etcd's leader: all of them may leave a write behind.
        _ => CallError::Unknown(message.to_owned()),
    }
}

/// Why a node cannot be part of the cluster.
#[derive(Debug)]
#[non_exhaustive]
pub enum CoordinationError {
    /// etcd does not answer.
    Unreachable {
        /// The endpoints that were tried.
        endpoints: String,
        /// What the last attempt said.
        reason: String,
    },
    /// An endpoint cannot be used.
    BadEndpoint {
        /// The endpoint.
        endpoint: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file for TLS cannot be used.
    BadFile {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The endpoint answers, and its certificate or ours is not accepted.
    Tls {
        /// The endpoint.
        endpoint: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// etcd denies access.
    Denied {
        /// What it says.
        reason: String,
    },
    /// etcd's quota is used up. What is held is kept; nothing new is acquired until there is space.
    NoSpace {
        /// The endpoints.
        endpoints: String,
    },
    /// The name of this node is in use.
    NameInUse {
        /// The name.
        node: String,
        /// Who has it.
        holder: String,
    },
    /// The store was laid out by a version that this one does not understand.
    Layout {
        /// The layout found.
        found: u32,
    },
    /// This is not the store it was: etcd lost its data, or another etcd answers.
    StoreChanged {
        /// What differs.
        reason: String,
        /// The epoch that it was known with, if it was known before.
        epoch: Option<u16>,
    },
    /// A value cannot be read.
    Malformed {
        /// Its key.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// The embedded etcd cannot be used.
    Embedded {
        /// What it says.
        reason: String,
    },
    /// Nobody serves the embedded etcd.
    NoHost {
        /// Its directory.
        dir: PathBuf,
    },
    /// etcd refused a request for good.
    Refused {
        /// What it says.
        reason: String,
    },
    /// A change was sent and its outcome is not known.
    Unclear {
        /// What was lost.
        reason: String,
    },
}

impl CoordinationError {
    /// True if trying again may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::NoSpace { .. })
    }
}

/// What to do about etcd's refusal, by its own words.
fn how_to_be_let_in(reason: &str) -> &'static str {
    if reason.contains("permission denied") {
        "give the user's role `readwrite` on all keys below the prefix: \
         etcdctl role grant-permission ROLE readwrite PREFIX/ --prefix"
    } else if reason.contains("user name is empty") {
        "set `username` and `password` in the section `etcd`, or a client certificate of a user"
    } else if reason.contains("authentication is not enabled") {
        "remove `username` and `password`, or enable authentication in etcd"
    } else {
        "check `username` and `password` in the section `etcd`"
    }
}

impl fmt::Display for CoordinationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { endpoints, reason } => {
                write!(f, "etcd does not answer at {endpoints}: {reason}")
            }
            Self::NoSpace { endpoints } => write!(f, "{endpoints}: {}", CallError::NoSpace),
            Self::BadEndpoint { endpoint, reason } => {
                write!(f, "the etcd endpoint {endpoint} cannot be used: {reason}")
            }
            Self::Denied { reason } => {
                write!(
                    f,
                    "etcd denies access: {reason}; {}",
                    how_to_be_let_in(reason)
                )
            }
            Self::BadFile { file, reason } => {
                write!(
                    f,
                    "the file {} cannot be used for TLS: {reason}",
                    file.display()
                )
            }
            Self::Tls { endpoint, reason } => {
                write!(f, "there is no TLS connection to {endpoint}: {reason}")
            }
            Self::NameInUse { node, holder } => write!(
                f,
                "the node name `{node}` is in use by {holder}; stop that process, or choose \
                 another name with `--node-name`"
            ),
            Self::Layout { found } => write!(
                f,
                "the store has key layout {found}, and this version understands {}; run the \
                 version that wrote it, or use another prefix",
                super::identity::LAYOUT
            ),
            Self::StoreChanged { reason, epoch } => {
                let to = epoch.map_or(String::new(), |epoch| {
                    format!(" --to {}", epoch.saturating_add(1))
                });
                write!(
                    f,
                    "this is not the store it was: {reason}; if etcd lost its data, stop all nodes \
                     and raise the epoch with `pr-cli raise-epoch{to}`"
                )
            }
            Self::Malformed { key, reason } => write!(
                f,
                "the value of `{key}` cannot be read: {reason}; something else writes under this \
                 prefix: delete the key, or use another prefix"
            ),
            Self::Embedded { reason } => f.write_str(reason),
            Self::NoHost { dir } => write!(
                f,
                "no node runs on this machine: nobody serves the embedded etcd in {}",
                dir.display()
            ),
            Self::Refused { reason } => write!(f, "etcd refused a request: {reason}"),
            Self::Unclear { reason } => write!(
                f,
                "nobody knows whether the change took place: {reason}; look with `status` before \
                 you repeat it"
            ),
        }
    }
}

impl std::error::Error for CoordinationError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_still_take_place_is_unknown() {
        for (code, message) in [
            (Code::Cancelled, "Timeout expired"),
            (Code::Unavailable, "etcdserver: request timed out"),
            (Code::Unavailable, "http2 error"),
            (Code::DeadlineExceeded, "context deadline exceeded"),
            (
                Code::Unknown,
                "h2 protocol error: error reading a body from connection",
            ),
            (Code::Unavailable, "etcdserver: leader changed"),
        ] {
            assert!(from_status(code, message).is_unknown(), "{message}");
        }
    }

    #[test]
    fn a_closed_stream_of_renewals_says_nothing_of_the_lease() {
        let said =
            |text: &str| CallError::from(etcd_client::Error::LeaseKeepAliveError(text.to_owned()));
        assert_eq!(said("lease not found"), CallError::LeaseGone);
        assert_ne!(said("channel closed"), CallError::LeaseGone);
    }

    #[test]
    fn what_was_refused_is_known() {
        let not_done = from_status(Code::Unavailable, "tcp connect error");
        assert_eq!(not_done, CallError::NotDone("tcp connect error".into()));
        let gone = from_status(Code::NotFound, "etcdserver: requested lease not found");
        assert_eq!(gone, CallError::LeaseGone);
        let full = from_status(
            Code::ResourceExhausted,
            "etcdserver: mvcc: database space exceeded",
        );
        assert_eq!(full, CallError::NoSpace);
        assert!(matches!(
            from_status(
                Code::InvalidArgument,
                "etcdserver: revision of auth store is old"
            ),
            CallError::Denied(_)
        ));
    }
}
