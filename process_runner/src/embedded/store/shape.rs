//! Whether a request is well formed, judged without looking at the data.
//!
//! etcd refuses these before it proposes anything, and looks at both branches of a transaction and at every nested one:
//! a put that meets another put or a deletion of the same key is a duplicate even in a branch that will not run. Only
//! the two branches of one nested transaction may put the same key, since just one of them runs.

use std::collections::BTreeSet;

use etcd_client::proto::{
    PbDeleteRequest, PbPutRequest, PbRangeRequest, PbTxnOpRequest, PbTxnRequest, PbTxnRequestOp,
};

use super::error::Refusal;

/// How many operations one list of a transaction may have.
const MAX_TXN_OPS: usize = 128;

pub(crate) fn check_range(request: &PbRangeRequest) -> Result<(), Refusal> {
    check_key(&request.key)
}

pub(crate) fn check_put(request: &PbPutRequest) -> Result<(), Refusal> {
    check_key(&request.key)?;
    if request.ignore_value && !request.value.is_empty() {
        return Err(Refusal::ValueProvided);
    }
    if request.ignore_lease && request.lease != 0 {
        return Err(Refusal::LeaseProvided);
    }
    Ok(())
}

pub(crate) fn check_delete(request: &PbDeleteRequest) -> Result<(), Refusal> {
    check_key(&request.key)
}

pub(crate) fn check_txn(request: &PbTxnRequest) -> Result<(), Refusal> {
    check_ops(request, MAX_TXN_OPS)?;
    Touched::of(&request.success)?;
    Touched::of(&request.failure)?;
    Ok(())
}

/// Whether a transaction only reads, whichever branch runs. As in etcd a nested transaction counts as writing.
pub(crate) fn is_read_only(txn: &PbTxnRequest) -> bool {
    txn.success
        .iter()
        .chain(&txn.failure)
        .all(|op| matches!(&op.request, Some(PbTxnOpRequest::RequestRange(_))))
}

/// Whether a transaction puts anything, whichever branch runs.
pub(crate) fn puts(txn: &PbTxnRequest) -> bool {
    let ops = txn.success.iter().chain(&txn.failure);
    ops.filter_map(|op| op.request.as_ref()).any(|op| match op {
        PbTxnOpRequest::RequestPut(_) => true,
        PbTxnOpRequest::RequestTxn(nested) => puts(nested),
        _ => false,
    })
}

fn check_key(key: &[u8]) -> Result<(), Refusal> {
    if key.is_empty() {
        return Err(Refusal::EmptyKey);
    }
    Ok(())
}

/// Checks sizes and single operations. A nested transaction gets what the outer one left of the limit.
fn check_ops(txn: &PbTxnRequest, limit: usize) -> Result<(), Refusal> {
    let longest = txn
        .compare
        .len()
        .max(txn.success.len())
        .max(txn.failure.len());
    if longest > limit {
        return Err(Refusal::TooManyOps);
    }
    for compare in &txn.compare {
        check_key(&compare.key)?;
    }
    for op in txn.success.iter().chain(&txn.failure) {
        match &op.request {
            Some(PbTxnOpRequest::RequestRange(range)) => check_range(range)?,
            Some(PbTxnOpRequest::RequestPut(put)) => check_put(put)?,
            Some(PbTxnOpRequest::RequestDeleteRange(delete)) => check_delete(delete)?,
            Some(PbTxnOpRequest::RequestTxn(nested)) => check_ops(nested, limit - longest)?,
            None => return Err(Refusal::KeyNotFound),
        }
    }
    Ok(())
}

/// The keys a list of operations may put and the ranges it may delete.
#[derive(Default)]
struct Touched<'t> {
    puts: BTreeSet<&'t [u8]>,
    deletes: Vec<Deleted<'t>>,
}

/// A deleted interval. Unlike everywhere else in etcd, this check takes a `range_end` of one zero byte literally, which
/// makes it an empty interval: such a deletion collides with no put.
#[derive(Clone, Copy)]
struct Deleted<'t> {
    key: &'t [u8],
    range_end: &'t [u8],
}

impl Deleted<'_> {
    fn hits(&self, key: &[u8]) -> bool {
        if self.range_end.is_empty() {
            return key == self.key;
        }
        self.key <= key && key < self.range_end
    }
}

impl<'t> Touched<'t> {
    fn of(ops: &'t [PbTxnRequestOp]) -> Result<Self, Refusal> {
        let mut touched = Self::default();
        for op in ops {
            if let Some(PbTxnOpRequest::RequestDeleteRange(delete)) = &op.request {
                touched.deletes.push(Deleted {
                    key: &delete.key,
                    range_end: &delete.range_end,
                });
            }
        }
        for op in ops {
            if let Some(PbTxnOpRequest::RequestTxn(nested)) = &op.request {
                touched.add_nested(nested)?;
            }
        }
        for op in ops {
            if let Some(PbTxnOpRequest::RequestPut(put)) = &op.request {
                touched.add_put(&put.key)?;
            }
        }
        Ok(touched)
    }

    fn add_put(&mut self, key: &'t [u8]) -> Result<(), Refusal> {
        let deleted = self.deletes.iter().any(|delete| delete.hits(key));
        if deleted || !self.puts.insert(key) {
            return Err(Refusal::DuplicateKey);
        }
        Ok(())
    }

    fn add_nested(&mut self, nested: &'t PbTxnRequest) -> Result<(), Refusal> {
        let then = Self::of(&nested.success)?;
        let otherwise = Self::of(&nested.failure)?;
        for key in &then.puts {
            self.add_put(key)?;
        }
        for key in otherwise.puts.difference(&then.puts) {
            self.add_put(key)?;
        }
        self.deletes.extend(then.deletes);
        self.deletes.extend(otherwise.deletes);
        Ok(())
    }
}
