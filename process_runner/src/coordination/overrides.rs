//! Changing what operators set for a job, under `jobs/<job>`.
//!
//! A change is a function of what is set now. It is put only if nobody else changed the key
//! meanwhile, and computed anew if somebody did: two `+1` at once make +2.
//!
//! # How it fails
//!
//! A lost answer makes it send the identical compare-and-put again; the record's nonce tells
//! whether an earlier one took place. Where somebody else wrote over it in between, nobody can
//! tell, and that is what the error says. An override that holds nothing is deleted.

use etcd_client::{Compare, CompareOp, Txn, TxnOp, TxnOpResponse, TxnResponse};

use super::keys::Keys;
use super::records::{OverrideRecord, decode, encode};
use super::session::explain;
use super::{CallError, CoordinationError, Etcd};
use crate::chance::random_u128;

/// How often an unanswered change is sent.
const ATTEMPTS: usize = 3;

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Changed {
    /// It is in force. `after` equals `before` if there was nothing to change.
    Done {
        before: OverrideRecord,
        after: OverrideRecord,
    },
    /// The change did not want what it would have led to.
    Refused { before: OverrideRecord },
}

/// An override as it was read; revision 0 if there is none.
struct Seen {
    record: OverrideRecord,
    mod_revision: i64,
}

/// Applies `change` to the override of `job`; a change that answers `None` changes nothing.
///
/// Dropped, the change may or may not take place, once.
pub(crate) async fn change_override(
    etcd: &Etcd,
    keys: &Keys,
    job: &str,
    change: impl Fn(&OverrideRecord) -> Option<OverrideRecord>,
) -> Result<Changed, CoordinationError> {
    let key = keys.job(job);
    let found = etcd.get(&key, 0).await;
    let found = found.map_err(|error| explain(error, etcd))?;
    let mut seen = seen(&key, found.kvs().first())?;
    loop {
        let Some(mut after) = change(&seen.record) else {
            return Ok(Changed::Refused {
                before: seen.record,
            });
        };
        if same(&after, &seen.record) {
            let before = seen.record;
            return Ok(Changed::Done { before, after });
        }
        after.nonce = format!("{:032x}", random_u128());
        match exchange(etcd, &key, &seen, &after).await? {
            None => {
                let before = seen.record;
                return Ok(Changed::Done { before, after });
            }
            Some(now) => seen = now,
        }
    }
}

/// True if both ask for the same, whoever asked.
fn same(one: &OverrideRecord, other: &OverrideRecord) -> bool {
    one.workers == other.workers && one.paused == other.paused
}

/// One compare-and-put, sent until its outcome is known: `None` if it took place, else what is
/// there instead.
async fn exchange(
    etcd: &Etcd,
    key: &str,
    seen: &Seen,
    after: &OverrideRecord,
) -> Result<Option<Seen>, CoordinationError> {
    let empty = same(after, &OverrideRecord::default());
    let write = if empty {
        TxnOp::delete(key, None)
    } else {
        TxnOp::put(key, encode(after), None)
    };
    let unchanged = Compare::mod_revision(key, CompareOp::Equal, seen.mod_revision);
    let txn = Txn::new()
        .when([unchanged])
        .and_then([write])
        .or_else([TxnOp::get(key, None)]);
    let mut lost = None;
    for _ in 0..ATTEMPTS {
        let reply = match etcd.txn(txn.clone()).await {
            Ok(reply) => reply,
            Err(CallError::Unknown(reason)) => {
                lost = Some(reason);
                continue;
            }
            Err(error) if lost.is_none() => return Err(explain(error, etcd)),
            Err(error) => return Err(unclear(&error.to_string())),
        };
        if reply.succeeded() {
            return Ok(None);
        }
        let now = seen_instead(key, &reply)?;
        let ours = if empty {
            now.mod_revision == 0
        } else {
            now.record.nonce == after.nonce
        };
        return match lost {
            _ if ours => Ok(None),
            None => Ok(Some(now)),
            Some(reason) => Err(unclear(&reason)),
        };
    }
    Err(unclear(&lost.unwrap_or_default()))
}

fn unclear(reason: &str) -> CoordinationError {
    CoordinationError::Unclear {
        reason: format!("etcd's answer was lost ({reason})"),
    }
}

fn seen_instead(key: &str, reply: &TxnResponse) -> Result<Seen, CoordinationError> {
    let read = reply.op_responses().into_iter().next();
    match read {
        Some(TxnOpResponse::Get(get)) => seen(key, get.kvs().first()),
        _ => seen(key, None),
    }
}

fn seen(key: &str, kv: Option<&etcd_client::KeyValue>) -> Result<Seen, CoordinationError> {
    Ok(Seen {
        record: kv
            .map(|kv| decode(key, kv.value()))
            .transpose()?
            .unwrap_or_default(),
        mod_revision: kv.map_or(0, etcd_client::KeyValue::mod_revision),
    })
}

#[cfg(test)]
mod tests;
