//! How long a request is on the wire, since etcd limits it.
//!
//! Two limits: a write longer than 1.5 MiB, in the envelope etcd proposes it in, is refused by etcd; a message longer
//! than 2 MiB is refused by its transport. The lengths are protobuf's, counted by hand: etcd-client does not export the
//! trait that knows them. Fields at their default are not sent.

use etcd_client::proto::{
    PbCompare, PbDeleteRequest, PbPutRequest, PbRangeRequest, PbTargetUnion, PbTxnOpRequest,
    PbTxnRequest, PbTxnRequestOp,
};

use super::error::Refusal;

/// The longest proposal.
const MAX_PROPOSAL: usize = 1536 * 1024;

/// The longest message.
pub(super) const MAX_MESSAGE: usize = MAX_PROPOSAL + 512 * 1024;

/// What etcd's envelope adds to a request: its own header with a request id, the tag, the length.
const ENVELOPE: usize = 18;

/// Refuses what the transport would not take.
pub(super) fn check_message(size: usize) -> Result<(), Refusal> {
    if size > MAX_MESSAGE {
        return Err(Refusal::MessageTooLong(size));
    }
    Ok(())
}

/// Refuses a write that etcd would not propose.
pub(super) fn check_proposal(size: usize) -> Result<(), Refusal> {
    if size + ENVELOPE > MAX_PROPOSAL {
        return Err(Refusal::RequestTooLarge);
    }
    Ok(())
}

pub(super) fn range(request: &PbRangeRequest) -> usize {
    let numbers = [
        request.limit,
        request.revision,
        i64::from(request.sort_order),
        i64::from(request.sort_target),
        request.min_mod_revision,
        request.max_mod_revision,
        request.min_create_revision,
        request.max_create_revision,
    ];
    let flags = [request.serializable, request.keys_only, request.count_only];
    bytes(&request.key)
        + bytes(&request.range_end)
        + numbers.into_iter().map(number).sum::<usize>()
        + flags.into_iter().map(flag).sum::<usize>()
}

pub(super) fn put(request: &PbPutRequest) -> usize {
    let flags = [request.prev_kv, request.ignore_value, request.ignore_lease];
    bytes(&request.key)
        + bytes(&request.value)
        + number(request.lease)
        + flags.into_iter().map(flag).sum::<usize>()
}

pub(super) fn delete(request: &PbDeleteRequest) -> usize {
    bytes(&request.key) + bytes(&request.range_end) + flag(request.prev_kv)
}

pub(super) fn txn(request: &PbTxnRequest) -> usize {
    let compares = request.compare.iter().map(|one| nested(compare(one)));
    let ops = request.success.iter().chain(&request.failure);
    compares.sum::<usize>() + ops.map(|one| nested(op(one))).sum::<usize>()
}

fn op(op: &PbTxnRequestOp) -> usize {
    match &op.request {
        Some(PbTxnOpRequest::RequestRange(request)) => nested(range(request)),
        Some(PbTxnOpRequest::RequestPut(request)) => nested(put(request)),
        Some(PbTxnOpRequest::RequestDeleteRange(request)) => nested(delete(request)),
        Some(PbTxnOpRequest::RequestTxn(request)) => nested(txn(request)),
        None => 0,
    }
}

fn compare(compare: &PbCompare) -> usize {
    // A chosen alternative is sent even at its default; the tag of the range end takes two bytes.
    let target = match &compare.target_union {
        Some(
            PbTargetUnion::Version(value)
            | PbTargetUnion::CreateRevision(value)
            | PbTargetUnion::ModRevision(value)
            | PbTargetUnion::Lease(value),
        ) => 1 + varint(value.cast_unsigned()),
        Some(PbTargetUnion::Value(value)) => nested(value.len()),
        None => 0,
    };
    let range_end = bytes(&compare.range_end);
    number(i64::from(compare.result))
        + number(i64::from(compare.target))
        + bytes(&compare.key)
        + target
        + range_end
        + usize::from(range_end > 0)
}

fn bytes(field: &[u8]) -> usize {
    match field.len() {
        0 => 0,
        len => nested(len),
    }
}

/// A field of known length: tag, length, contents.
fn nested(len: usize) -> usize {
    1 + varint(len as u64) + len
}

fn number(field: i64) -> usize {
    match field {
        0 => 0,
        value => 1 + varint(value.cast_unsigned()),
    }
}

fn flag(field: bool) -> usize {
    2 * usize::from(field)
}

fn varint(value: u64) -> usize {
    let bits = 64 - value.leading_zeros().min(63);
    bits.div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_grow_every_seven_bits() {
        let sizes = [0, 1, 127, 128, 16383, 16384, u64::MAX].map(varint);
        assert_eq!(sizes, [1, 1, 1, 2, 2, 3, 10]);
    }

    #[test]
    fn a_put_counts_what_is_sent() {
        let request = PbPutRequest {
            key: b"abc".to_vec(),
            value: vec![0; 200],
            lease: -1,
            prev_kv: true,
            ..Default::default()
        };
        assert_eq!(put(&request), 5 + 203 + 11 + 2);
    }
}
