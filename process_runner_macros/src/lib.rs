//! The attribute macros of process_runner: `#[job]` and `#[state]`.
//!
//! Their documentation is on the re-exports, `process_runner::job` and `process_runner::state`,
//! where its examples compile. This crate is only ever used through them.
//!
//! Each macro goes through the same phases, one file each:
//!
//! ```text
//! tokens -> parse -> what was written -> validate -> what it means -> expand -> tokens
//!             \___________ diagnostic ____________/
//!                              \-> the user's item again, and every error at once
//! ```
//!
//! - **parse** knows syntax and keys, **validate** knows what may be combined and builds a model
//!   that cannot be wrong, **expand** only prints that model and cannot fail.
//! - Every error stands at the user's own token, and all of them come in one compilation.
//! - What only the type checker can see (a field's traits, a missing `impl Job`) is left to it:
//!   the expansion asks for one trait per field, and that trait brings the message.

mod attributes;
mod diagnostic;
#[cfg(test)]
mod golden;
mod job;
mod keys;
mod root;
mod state;
mod suggest;

use proc_macro::TokenStream;

/// What it expands to is written down in `process_runner_macros/tests/expand`.
#[proc_macro_attribute]
pub fn job(arguments: TokenStream, item: TokenStream) -> TokenStream {
    job::attribute(arguments.into(), item.into()).into()
}

/// What it expands to is written down in `process_runner_macros/tests/expand`.
#[proc_macro_attribute]
pub fn state(arguments: TokenStream, item: TokenStream) -> TokenStream {
    state::attribute(arguments.into(), item.into()).into()
}
