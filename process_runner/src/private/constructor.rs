//! What `#[state]` makes of a function.

use std::error::Error;
use std::future::Future;

use super::StateValue;
use crate::state::{Place, StateConstructor};

/// What a constructor may return. Fails to compile with one sentence at the return type.
#[diagnostic::on_unimplemented(
    message = "a state constructor returns a `Result`, and this is `{Self}`",
    label = "write `Result<{Self}, Error>`",
    note = "a node whose state cannot be built says why and does not start"
)]
pub trait StateResult: Send {
    /// What is shared.
    type Value: StateValue;
    /// Why it could not be built.
    type Error: Into<Box<dyn Error + Send + Sync>> + Send;

    /// The `Result` that this is.
    fn into_result(self) -> Result<Self::Value, Self::Error>;
}

impl<T, E> StateResult for Result<T, E>
where
    T: StateValue,
    E: Into<Box<dyn Error + Send + Sync>> + Send,
{
    type Value = T;
    type Error = E;

    fn into_result(self) -> Self {
        self
    }
}

/// The constructor that calls `function`, which was registered at `place`.
pub fn constructor<R, F, Fut>(place: Place, function: F) -> StateConstructor
where
    R: StateResult + 'static,
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = R> + Send + 'static,
{
    StateConstructor::new(place, async move || function().await.into_result())
}
