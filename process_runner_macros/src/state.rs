//! `#[state]`: registers an async function as the constructor of shared state.
//!
//! # What it writes
//!
//! The user's function as it is, and behind it one `const _` with the entry of the registry. The
//! golden files under `tests/expand` show it.
//!
//! # How it fails
//!
//! With every error at once and the function as it is, unregistered. That the function returns a
//! `Result`, of a value that can be shared, is for the type checker: `StateResult` brings the
//! message.

mod expand;
mod parse;
mod validate;

use proc_macro2::TokenStream;
use quote::quote;

use crate::diagnostic::Diagnostics;

/// The attribute, as a function of tokens.
pub(crate) fn attribute(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Diagnostics::default();
    let root = parse::arguments(arguments, &mut errors);
    let head = match parse::head(item.clone()) {
        Ok(head) => head,
        Err(error) => {
            let error = error.into_compile_error();
            return quote!(#item #error);
        }
    };
    validate::signature(&head.sig, &mut errors);
    match errors.finish(()) {
        Ok(()) => {
            let entry = expand::entry(&root, &head);
            quote!(#item #entry)
        }
        Err(errors) => quote!(#item #errors),
    }
}
