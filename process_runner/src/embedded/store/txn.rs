//! Running a transaction: conditions first, then checks, then the operations in order, as one revision.
//!
//! All conditions, those of nested transactions on the way too, are judged on the state before. What could fail is
//! checked before anything is written, so that a transaction happens in whole or not at all. Operations then see the
//! effects of those before them.

use etcd_client::proto::{
    PbPutRequest, PbRangeRequest, PbResponseHeader, PbResponseOp, PbTxnOpRequest, PbTxnOpResponse,
    PbTxnRequest, PbTxnRequestOp, PbTxnResponse,
};

use super::compare;
use super::error::Refusal;
use super::keyspace::KeySpace;
use super::lease::Leases;
use super::write::Write;

/// The branch to run, and the plans of the transactions nested in it.
struct Plan<'t> {
    succeeded: bool,
    ops: &'t [PbTxnRequestOp],
    nested: Vec<Plan<'t>>,
}

/// A well-formed transaction, bound to the state it was judged on.
pub(super) struct Prepared<'t>(Plan<'t>);

/// Judges the conditions and checks everything that may fail.
pub(super) fn prepare<'t>(
    space: &KeySpace,
    leases: &Leases,
    txn: &'t PbTxnRequest,
) -> Result<Prepared<'t>, Refusal> {
    let plan = Plan::of(space, txn);
    plan.check(&|op| match op {
        PbTxnOpRequest::RequestPut(put) => check_put(space, leases, put),
        _ => Ok(()),
    })?;
    plan.check(&|op| match op {
        PbTxnOpRequest::RequestRange(range) => check_range(space, range),
        _ => Ok(()),
    })?;
    Ok(Prepared(plan))
}

impl Prepared<'_> {
    /// Runs the operations. The header's revision is the caller's to fill in.
    pub(super) fn run(self, write: &mut Write<'_>) -> Result<PbTxnResponse, Refusal> {
        self.0.run(write)
    }
}

impl<'t> Plan<'t> {
    fn of(space: &KeySpace, txn: &'t PbTxnRequest) -> Self {
        let now = space.revision();
        let succeeded = txn
            .compare
            .iter()
            .all(|compare| compare::holds(space, compare, now));
        let ops: &[_] = if succeeded {
            &txn.success
        } else {
            &txn.failure
        };
        let nested = ops
            .iter()
            .filter_map(|op| match &op.request {
                Some(PbTxnOpRequest::RequestTxn(nested)) => Some(Self::of(space, nested)),
                _ => None,
            })
            .collect();
        Self {
            succeeded,
            ops,
            nested,
        }
    }

    fn check(&self, rule: &dyn Fn(&PbTxnOpRequest) -> Result<(), Refusal>) -> Result<(), Refusal> {
        let mut nested = self.nested.iter();
        for op in self.ops.iter().filter_map(|op| op.request.as_ref()) {
            match op {
                PbTxnOpRequest::RequestTxn(_) => {
                    if let Some(plan) = nested.next() {
                        plan.check(rule)?;
                    }
                }
                other => rule(other)?,
            }
        }
        Ok(())
    }

    fn run(self, write: &mut Write<'_>) -> Result<PbTxnResponse, Refusal> {
        let mut nested = self.nested.into_iter();
        let mut responses = Vec::with_capacity(self.ops.len());
        for op in self.ops {
            let response = match &op.request {
                Some(PbTxnOpRequest::RequestRange(range)) => {
                    Some(PbTxnOpResponse::ResponseRange(write.range(range)?))
                }
                Some(PbTxnOpRequest::RequestPut(put)) => {
                    Some(PbTxnOpResponse::ResponsePut(write.put(put)))
                }
                Some(PbTxnOpRequest::RequestDeleteRange(delete)) => Some(
                    PbTxnOpResponse::ResponseDeleteRange(write.delete_range(delete)),
                ),
                Some(PbTxnOpRequest::RequestTxn(_)) => match nested.next() {
                    Some(plan) => Some(PbTxnOpResponse::ResponseTxn(plan.run(write)?)),
                    None => None,
                },
                None => None,
            };
            responses.push(PbResponseOp { response });
        }
        Ok(PbTxnResponse {
            header: Some(PbResponseHeader::default()),
            succeeded: self.succeeded,
            responses,
        })
    }
}

/// Whether a put can be made, as far as the state before the transaction tells.
pub(super) fn check_put(
    space: &KeySpace,
    leases: &Leases,
    put: &PbPutRequest,
) -> Result<(), Refusal> {
    if (put.ignore_value || put.ignore_lease) && space.get(&put.key, space.revision()).is_none() {
        return Err(Refusal::KeyNotFound);
    }
    if put.lease != 0 && leases.get(put.lease).is_none() {
        return Err(Refusal::LeaseNotFound);
    }
    Ok(())
}

fn check_range(space: &KeySpace, range: &PbRangeRequest) -> Result<(), Refusal> {
    match range.revision {
        0 => Ok(()),
        revision if revision > space.revision() => Err(Refusal::FutureRevision),
        revision if revision < space.compacted() => Err(Refusal::Compacted),
        _ => Ok(()),
    }
}
