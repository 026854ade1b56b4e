//! The ways a request can be refused, worded as etcd words them.
//!
//! Clients tell errors apart by gRPC code and message text, so both are copied from etcd letter by letter. The store
//! itself knows nothing of gRPC: the service layer turns [`Refusal::code`] into a status.

use std::borrow::Cow;

use super::size::MAX_MESSAGE;

/// Why the store refused a request. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    EmptyKey,
    KeyNotFound,
    ValueProvided,
    LeaseProvided,
    TooManyOps,
    DuplicateKey,
    RequestTooLarge,
    /// The message is longer than the transport takes.
    MessageTooLong(usize),
    Compacted,
    FutureRevision,
    NoSpace,
    LeaseNotFound,
    LeaseExists,
    LeaseTtlTooLarge,
}

/// The gRPC codes etcd uses for [`Refusal`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefusalCode {
    InvalidArgument,
    OutOfRange,
    NotFound,
    FailedPrecondition,
    ResourceExhausted,
}

impl Refusal {
    /// The gRPC code that goes with this refusal.
    pub(crate) fn code(self) -> RefusalCode {
        match self {
            Self::EmptyKey
            | Self::KeyNotFound
            | Self::ValueProvided
            | Self::LeaseProvided
            | Self::TooManyOps
            | Self::DuplicateKey
            | Self::RequestTooLarge => RefusalCode::InvalidArgument,
            Self::Compacted | Self::FutureRevision | Self::LeaseTtlTooLarge => {
                RefusalCode::OutOfRange
            }
            Self::MessageTooLong(_) | Self::NoSpace => RefusalCode::ResourceExhausted,
            Self::LeaseNotFound => RefusalCode::NotFound,
            Self::LeaseExists => RefusalCode::FailedPrecondition,
        }
    }

    /// The text etcd sends.
    pub(crate) fn message(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::MessageTooLong(size) => {
                return Cow::Owned(format!(
                    "grpc: received message larger than max ({size} vs. {MAX_MESSAGE})"
                ));
            }
            Self::EmptyKey => "etcdserver: key is not provided",
            Self::KeyNotFound => "etcdserver: key not found",
            Self::ValueProvided => "etcdserver: value is provided",
            Self::LeaseProvided => "etcdserver: lease is provided",
            Self::TooManyOps => "etcdserver: too many operations in txn request",
            Self::DuplicateKey => "etcdserver: duplicate key given in txn request",
            Self::RequestTooLarge => "etcdserver: request is too large",
            Self::Compacted => "etcdserver: mvcc: required revision has been compacted",
            Self::FutureRevision => "etcdserver: mvcc: required revision is a future revision",
            Self::NoSpace => "etcdserver: mvcc: database space exceeded",
            Self::LeaseNotFound => "etcdserver: requested lease not found",
            Self::LeaseExists => "etcdserver: lease already exists",
            Self::LeaseTtlTooLarge => "etcdserver: too large lease TTL",
        })
    }
}
