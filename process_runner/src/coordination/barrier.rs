//! The barrier: proves that a renewal took place which etcd has acknowledged.
//!
//! An acknowledgement is no proof, because a leader of etcd that was paused acknowledges what it can no
//! longer promise. The barrier goes through raft and changes nothing. If it commits in the term of the
//! acknowledgement, no other leader was elected before the renewal.
//!
//! | form | is | when |
//! |---|---|---|
//! | bare | a deletion of a key that is never put | as a rule |
//! | seeing | the same in a transaction that compares the member key and `meta`, and reads the inbox and the posts | once in a ttl, and after trouble |
//! | without space | the bare one and two reads | when etcd has no space and refuses the seeing one |
//!
//! # Why not every barrier sees
//!
//! The proof is the term alone. What the seeing one reads is what a watch that fell silent would have
//! missed. But whatever stands in it every member of etcd carries out, and etcd 3.4 copies all that it has
//! not yet written to disk before: on three members it costs seven times as much as the bare one.
//!
//! # How it fails
//!
//! What cannot be proven is no renewal, and deadlines stay where they are. A member key that was deleted by
//! hand, and a `meta` that was changed, are noticed within a ttl; a store of an earlier time at once.

use std::time::Duration;

use etcd_client::{Compare, CompareOp, Txn, TxnOp, TxnResponse};

use super::sighting::{Look, Sighting};
use super::{CallError, Etcd};
use crate::model::Moment;

/// What is renewed, and what proves it.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) lease: i64,
    pub(crate) member_key: String,
    /// The member key's create_revision: ours and nobody else's.
    pub(crate) member_created: i64,
    /// What makes the store this store, and the mod_revision that this session rests on.
    pub(crate) meta: (String, i64),
    /// A key that is never put.
    pub(crate) never_key: String,
    /// What to read on the way.
    pub(crate) look: Look,
}

/// Why there is no proof.
pub(super) enum Failure {
    /// The session is over.
    Gone(String),
    /// Why, and whether etcd denied access.
    Again(String, bool),
}

/// The barriers of one session.
pub(super) struct Barrier {
    etcd: Etcd,
    subject: Subject,
    /// When the next one is to see.
    sees_at: Moment,
    /// etcd is out of space.
    full: bool,
}

/// What a barrier was; the table above says what they are.
#[derive(Debug, Clone, Copy)]
enum Form {
    Bare,
    Seeing,
    WithoutSpace,
}

/// A barrier that was committed in the term of the acknowledgement.
pub(super) struct Proof {
    committed: Committed,
    form: Form,
    sighting: Sighting,
}

/// The term and the revision that a barrier was committed at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Committed {
    pub(super) term: u64,
    pub(super) revision: i64,
}

impl Barrier {
    /// For a session whose registration has just seen everything.
    pub(super) fn new(etcd: Etcd, subject: Subject, now: Moment, ttl: Duration) -> Self {
        Self {
            etcd,
            subject,
            sees_at: now + ttl,
            full: false,
        }
    }

    pub(super) fn subject(&self) -> &Subject {
        &self.subject
    }

    /// There was trouble: watches may have fallen silent.
    pub(super) fn distrust(&mut self) {
        self.sees_at = Moment::ZERO;
    }

    /// Commits in the raft term in which the renewal was acknowledged, or that proves nothing. Two may be
    /// under way at once; [`Barrier::proved`] takes in the one that counts.
    ///
    /// Dropped, it has changed nothing.
    pub(super) async fn prove(
        &self,
        acked_in: u64,
        patience: Duration,
        now: Moment,
    ) -> Result<Proof, Failure> {
        let proof = match now >= self.sees_at {
            true => self.see(patience).await?,
            false => self.commit(patience).await?,
        };
        check(proof.committed, acked_in)?;
        Ok(proof)
    }

    /// Takes in a proof that came at `now`: what was seen on the way, which is nothing but the revision if
    /// the barrier was a bare one.
    pub(super) fn proved(&mut self, proof: Proof, now: Moment, ttl: Duration) -> Sighting {
        match proof.form {
            Form::Bare => {}
            Form::Seeing => {
                self.tell_of_space(false);
                self.sees_at = now + ttl;
            }
            // The next one asks again whether there is some.
            Form::WithoutSpace => self.tell_of_space(true),
        }
        proof.sighting
    }

    /// The bare one.
    async fn commit(&self, patience: Duration) -> Result<Proof, Failure> {
        let never = &self.subject.never_key;
        let committed = self.etcd.commit_nothing(never, patience).await;
        let committed = committed.map_err(Failure::of_raft)?;
        Ok(Proof {
            committed,
            form: Form::Bare,
            sighting: Look::nothing_at(committed.revision),
        })
    }

    /// The seeing one; without space, what it compares is read.
    async fn see(&self, patience: Duration) -> Result<Proof, Failure> {
        let reply = match self.transaction(patience).await {
            Err(CallError::NoSpace) => {
                let mut proof = self.commit(patience).await?;
                self.read_ours().await?;
                proof.form = Form::WithoutSpace;
                return Ok(proof);
            }
            reply => reply.map_err(Failure::of_raft)?,
        };
        if !reply.succeeded() {
            return Err(Failure::not_ours());
        }
        let header = reply.header();
        let committed = Committed {
            term: header.map_or(0, |header| header.raft_term()),
            revision: header.map_or(0, |header| header.revision()),
        };
        Ok(Proof {
            committed,
            form: Form::Seeing,
            sighting: self.subject.look.seen(&reply),
        })
    }

    async fn transaction(&self, patience: Duration) -> Result<TxnResponse, CallError> {
        let Subject {
            member_key,
            member_created,
            meta: (meta_key, meta_revision),
            never_key,
            look,
            ..
        } = &self.subject;
        let ours = Compare::create_revision(member_key.as_str(), CompareOp::Equal, *member_created);
        let store = Compare::mod_revision(meta_key.as_str(), CompareOp::Equal, *meta_revision);
        let txn = Txn::new().when([ours, store]).and_then(
            [TxnOp::delete(never_key.as_str(), None)]
                .into_iter()
                .chain(look.reads())
                .collect::<Vec<_>>(),
        );
        self.etcd.txn_within(patience, &txn).await
    }

    /// What the seeing one compares, for an etcd that is out of space. 3.5.0 and 3.5.1 then refuse every
    /// transaction, but no deletion outside of one, and no read.
    async fn read_ours(&self) -> Result<(), Failure> {
        let subject = &self.subject;
        let member = self.etcd.get(&subject.member_key, 0).await?;
        let meta = self.etcd.get(&subject.meta.0, 0).await?;
        let created = member.kvs().first().map(|kv| kv.create_revision());
        let changed = meta.kvs().first().map(|kv| kv.mod_revision());
        if (created, changed) == (Some(subject.member_created), Some(subject.meta.1)) {
            Ok(())
        } else {
            Err(Failure::not_ours())
        }
    }

    fn tell_of_space(&mut self, full: bool) {
        match (std::mem::replace(&mut self.full, full), full) {
            (false, true) => tracing::warn!(
                "{}; what is held is kept, and nothing new is acquired until then",
                CallError::NoSpace
            ),
            (true, false) => tracing::info!("etcd has space again"),
            _ => {}
        }
    }
}

/// The proof.
fn check(committed: Committed, acked_in: u64) -> Result<(), Failure> {
    let term = committed.term;
    if term == acked_in {
        return Ok(());
    }
    let reason = format!("acked in raft term {acked_in}, but the term is {term}");
    Err(Failure::Again(reason, false))
}

impl Failure {
    /// Of a barrier. Every member carries it out in the order of raft, so if its revision is older than one
    /// that was seen, this is a store of an earlier time, in which our own keys may well be as they were then.
    fn of_raft(error: CallError) -> Self {
        match error {
            CallError::Older { .. } => Self::Gone(error.to_string()),
            other => other.into(),
        }
    }

    fn not_ours() -> Self {
        let reason = "the node's member key is gone, or the store's meta key changed";
        Self::Gone(reason.to_owned())
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::LeaseGone => Self::Gone("the lease ran out".to_owned()),
            CallError::Denied(_) => Self::Again(error.to_string(), true),
            other => Self::Again(other.to_string(), false),
        }
    }
}
