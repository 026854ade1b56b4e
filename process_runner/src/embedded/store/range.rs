//! Answering a Range request: which keys, at which revision, filtered, sorted and cut as etcd does it.
//!
//! Details clients can see and etcd defines by its code alone: `count` ignores the limit and the revision filters; a
//! sort target other than the key without a sort order means ascending, applied *after* the limit; filters and explicit
//! orders apply before it; a revision of zero or less means now.

use std::cmp::Ordering;

use etcd_client::proto::{PbKeyValue, PbRangeRequest, PbRangeResponse, PbResponseHeader};

use super::error::Refusal;
use super::key_range::KeyRange;
use super::keyspace::{Entry, KeySpace};

const ASCEND: i32 = 1;
const DESCEND: i32 = 2;

/// Answers `request` on `space` as seen at revision `now` (the present, or inside a transaction the revision in the
/// making).
pub(super) fn range(
    space: &KeySpace,
    request: &PbRangeRequest,
    now: i64,
) -> Result<PbRangeResponse, Refusal> {
    if request.revision > now {
        return Err(Refusal::FutureRevision);
    }
    let revision = if request.revision <= 0 {
        now
    } else {
        request.revision
    };
    if revision < space.compacted() {
        return Err(Refusal::Compacted);
    }

    let keys = KeyRange::new(&request.key, &request.range_end);
    let mut response = PbRangeResponse {
        header: Some(header(now)),
        ..Default::default()
    };
    if request.count_only {
        response.count = count(space.scan(keys, revision).count());
        return Ok(response);
    }
    let (found, total) = collect(space.scan(keys, revision), fetch_limit(request));
    let mut found = filtered(found, request);
    sort(&mut found, request);
    if let Ok(limit @ 1..) = usize::try_from(request.limit)
        && found.len() > limit
    {
        found.truncate(limit);
        response.more = true;
    }
    response.count = count(total);
    response.kvs = found
        .into_iter()
        .map(|entry| key_value(entry, request.keys_only))
        .collect();
    Ok(response)
}

/// A header that only knows its revision: the server fills in the rest at the outside.
pub(super) fn header(revision: i64) -> PbResponseHeader {
    PbResponseHeader {
        revision,
        ..Default::default()
    }
}

fn count(keys: usize) -> i64 {
    i64::try_from(keys).unwrap_or(i64::MAX)
}

/// How many keys to look at: one more than the limit tells whether there are more.
fn fetch_limit(request: &PbRangeRequest) -> usize {
    let needs_all = request.sort_order != 0
        || request.min_mod_revision != 0
        || request.max_mod_revision != 0
        || request.min_create_revision != 0
        || request.max_create_revision != 0;
    match usize::try_from(request.limit) {
        Ok(limit @ 1..) if !needs_all => limit.saturating_add(1),
        _ => usize::MAX,
    }
}

/// The first `limit` entries and the number of all.
fn collect<'s>(mut scan: impl Iterator<Item = &'s Entry>, limit: usize) -> (Vec<&'s Entry>, usize) {
    let found: Vec<_> = scan.by_ref().take(limit).collect();
    let total = found.len() + scan.count();
    (found, total)
}

fn filtered<'s>(mut found: Vec<&'s Entry>, request: &PbRangeRequest) -> Vec<&'s Entry> {
    let below = |limit: i64, value: i64| limit != 0 && value < limit;
    let above = |limit: i64, value: i64| limit != 0 && value > limit;
    found.retain(|kv| {
        !above(request.max_mod_revision, kv.mod_revision)
            && !below(request.min_mod_revision, kv.mod_revision)
            && !above(request.max_create_revision, kv.create_revision)
            && !below(request.min_create_revision, kv.create_revision)
    });
    found
}

fn sort(found: &mut [&Entry], request: &PbRangeRequest) {
    let by: fn(&PbKeyValue, &PbKeyValue) -> Ordering = match request.sort_target {
        0 => |a, b| a.key.cmp(&b.key),
        1 => |a, b| a.version.cmp(&b.version),
        2 => |a, b| a.create_revision.cmp(&b.create_revision),
        3 => |a, b| a.mod_revision.cmp(&b.mod_revision),
        4 => |a, b| a.value.cmp(&b.value),
        _ => return,
    };
    match request.sort_order {
        DESCEND => found.sort_by(|a, b| by(b, a)),
        ASCEND => found.sort_by(|a, b| by(a, b)),
        // The scan is in key order already.
        _ if request.sort_target == 0 => {}
        _ => found.sort_by(|a, b| by(a, b)),
    }
}

fn key_value(entry: &Entry, keys_only: bool) -> PbKeyValue {
    if !keys_only {
        return PbKeyValue::clone(entry);
    }
    PbKeyValue {
        key: entry.key.clone(),
        create_revision: entry.create_revision,
        mod_revision: entry.mod_revision,
        version: entry.version,
        lease: entry.lease,
        value: Vec::new(),
    }
}
