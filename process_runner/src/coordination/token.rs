//! The token of an etcd user at one member: renewed when etcd does not accept it any more.
//!
//! etcd forgets a token that was not used for a while, when it restarts, and when the user's password
//! changes; one that names a revision of the users is out of date after any change of them. All
//! of that looks like a call that was denied. It did not take place, so with a new token it is simply
//! repeated; open streams are opened anew by those who hold them.
//!
//! A token is not renewed ahead of its end. The refusal is an answer, so it costs its call one round trip and one
//! authentication, and a renewal of the lease has four fifths of the lease's time for that; etcd's simple tokens
//! do not end at all while a node uses them. Renewed ahead, etcd would pay for a hash of the password
//! every few minutes and node, and the refusal would have to be handled all the same: no time tells
//! of a restart or of a change of the users.
//!
//! # Guarantees
//!
//! - However many calls are denied at once, the user is authenticated once.
//! - **No storm.** While etcd refuses the user, it is asked at most once a second, whoever calls how
//!   often; the calls between fail at once, with what it said.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::CallError;

/// Time between two attempts to authenticate a user that was refused.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Whether the user's token is good, as far as this process knows.
#[derive(Debug)]
pub(super) struct Token {
    state: Mutex<State>,
    /// Who authenticates; the others wait for what comes of it.
    turn: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    /// How often it was renewed.
    generation: u64,
    refused: Option<(Instant, CallError)>,
}

impl Default for Token {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            turn: Semaphore::new(1),
        }
    }
}

impl Token {
    /// Which token a call is sent with.
    ///
    /// # Errors
    ///
    /// What etcd said when it refused the user, less than a second ago.
    pub(super) fn generation(&self) -> Result<u64, CallError> {
        let state = self.state();
        state.allowed().map(|()| state.generation)
    }

    /// Gets a new token in the place of that `generation`, by `authenticate`, unless somebody else
    /// did so meanwhile.
    ///
    /// Cancel safe: dropped, the next caller tries again.
    pub(super) async fn renew(
        &self,
        generation: u64,
        authenticate: impl Future<Output = Result<(), CallError>>,
    ) -> Result<(), CallError> {
        // An error means that the semaphore was closed, which nobody does.
        let _turn = self.turn.acquire().await.ok();
        if self.generation()? != generation {
            return Ok(());
        }
        let answer = authenticate.await;
        let mut state = self.state();
        match &answer {
            Ok(()) => {
                tracing::debug!("etcd gave a new token");
                state.generation += 1;
                state.refused = None;
            }
            Err(error) => state.refused = Some((Instant::now(), error.clone())),
        }
        answer
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn allowed(&self) -> Result<(), CallError> {
        match &self.refused {
            Some((at, error)) if at.elapsed() < ASK_AGAIN => Err(error.clone()),
            _ => Ok(()),
        }
    }
}

/// True if etcd's refusal is about the token, and not about the user or a permission.
pub(super) fn is_stale(refusal: &CallError) -> bool {
    let CallError::Denied(reason) = refusal else {
        return false;
    };
    // rpctypes: ErrInvalidAuthToken, ErrAuthOldRevision.
    reason.contains("invalid auth token") || reason.contains("revision of auth store is old")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn refused() -> CallError {
        CallError::Denied("authentication failed".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_user_is_asked_about_once_a_second() {
        let (token, asked) = (Token::default(), AtomicU32::new(0));
        let ask = || async {
            asked.fetch_add(1, Ordering::Relaxed);
            Err(refused())
        };
        for _ in 0..90 {
            assert_eq!(token.renew(0, ask()).await, Err(refused()));
            tokio::time::advance(Duration::from_millis(50)).await;
        }
        assert_eq!(asked.load(Ordering::Relaxed), 5);
        assert_eq!(token.generation(), Err(refused()));
        tokio::time::advance(ASK_AGAIN).await;
        assert_eq!(token.generation(), Ok(0));
    }

    #[tokio::test]
    async fn many_denied_calls_authenticate_once() {
        let (token, asked) = (Token::default(), AtomicU32::new(0));
        for _ in 0..10 {
            let ask = async {
                asked.fetch_add(1, Ordering::Relaxed);
                Ok(())
            };
            token.renew(0, ask).await.unwrap();
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        assert_eq!(token.generation(), Ok(1));
    }

    #[test]
    fn a_missing_permission_is_not_the_token_s_fault() {
        let denied = |text: &str| CallError::Denied(text.to_owned());
        assert!(is_stale(&denied("etcdserver: invalid auth token")));
        assert!(is_stale(&denied(
            "etcdserver: revision of auth store is old"
        )));
        assert!(!is_stale(&denied("etcdserver: permission denied")));
        assert!(!is_stale(&CallError::NoSpace));
    }
}
