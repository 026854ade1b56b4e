//! What the node says of itself: its member key, put whenever that changes.
//!
//! One put is under way at a time, and the newest standing wins. After a put without an answer it is
//! not known what etcd has: the newest standing is put after the next renewal, even if it is the one
//! that etcd had before. Each put compares the key's revision, so that one that takes place late
//! undoes nothing.

use tokio::task::JoinHandle;

use super::Control;
use crate::coordination::{CallError, Put, Session, Standing};

type Putting = JoinHandle<Result<Put, CallError>>;

/// Keeps the member key in line with what the node is.
pub(super) struct Membership {
    pub(super) wanted: Standing,
    /// What etcd has, as far as that is known.
    said: Standing,
    /// A put without an answer may have taken place, or may do so yet.
    doubtful: bool,
    /// The member key's mod_revision, as far as that is known.
    revision: i64,
    putting: Option<(Standing, Putting)>,
    /// The last put failed.
    failed: bool,
}

impl Membership {
    /// The member key of a session that was just opened.
    pub(super) fn of(session: &Session) -> Self {
        Self {
            wanted: Standing::default(),
            said: Standing::default(),
            doubtful: false,
            revision: session.member_revision(),
            putting: None,
            failed: false,
        }
    }

    /// True if etcd has what the node is.
    pub(super) fn is_settled(&self) -> bool {
        !self.doubtful && self.said == self.wanted
    }

    /// True if nothing more is to be waited for: etcd has it, or does not answer.
    pub(super) fn is_told(&self) -> bool {
        self.is_settled() || self.failed
    }

    /// What etcd has.
    pub(super) fn said(&self) -> &Standing {
        &self.said
    }

    /// Puts the member key if it differs from what the node is.
    pub(super) fn send(&mut self, session: &Session) {
        if self.putting.is_some() || self.failed || self.is_settled() {
            return;
        }
        let (session, standing) = (session.clone(), self.wanted.clone());
        let (put, revision) = (standing.clone(), self.revision);
        let task = tokio::spawn(async move { session.put_member(&put, revision).await });
        self.putting = Some((standing, task));
    }

    /// The answer to the put that is under way. Cancel safe.
    pub(super) async fn done(&mut self) -> Result<Put, CallError> {
        let Some((_, task)) = &mut self.putting else {
            return std::future::pending().await;
        };
        let done = task.await;
        let standing = self.putting.take().map(|(standing, _)| standing);
        let done = done.unwrap_or_else(|error| Err(CallError::Unknown(error.to_string())));
        match (&done, standing) {
            (Ok(Put::Done(said)), Some(standing)) => {
                self.said = standing;
                self.doubtful = false;
                self.revision = said.revision;
            }
            (Ok(Put::Moved { revision }), _) => self.revision = *revision,
            (Ok(_), _) => {}
            (Err(_), _) => {
                self.doubtful = true;
                self.failed = true;
            }
        }
        done
    }

    /// etcd answers: what could not be put is tried again.
    pub(super) fn healthy(&mut self) {
        self.failed = false;
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        if let Some((_, task)) = &self.putting {
            task.abort();
        }
    }
}

impl Control<'_> {
    /// Takes in that the member key was put.
    pub(super) fn on_said(&mut self, said: Result<Put, CallError>) {
        match said {
            Ok(Put::Done(said)) => {
                // Nothing arrives any more that is not here, if the node takes none.
                self.read_inbox(&said.inbox);
                if self.stopping && said.members <= 1 {
                    // Nobody is there to hand anything over to.
                    self.give_up_all();
                }
            }
            // The next one compares this revision.
            Ok(Put::Moved { .. }) => {}
            Ok(Put::Gone) => self.lose_session("the node's member key is gone".to_owned()),
            Err(error) => {
                tracing::debug!(%error, "the member key could not be put");
                self.heal();
            }
        }
    }
}
