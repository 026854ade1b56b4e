//! Collects errors, so that one compilation shows all of them.
//!
//! A phase never stops at its first error: it notes it here, goes on with the best guess, and the
//! attribute asks once, at the end, whether anything was noted.

use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::ToTokens;

/// The errors found so far in one use of an attribute.
#[derive(Default)]
pub(crate) struct Diagnostics {
    errors: Option<syn::Error>,
}

impl Diagnostics {
    /// Notes an error that underlines `tokens`.
    pub(crate) fn error(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// Notes an error that has its place already.
    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.errors {
            Some(errors) => errors.combine(error),
            None => self.errors = Some(error),
        }
    }

    /// `value` if nothing was noted, else the `compile_error!`s.
    pub(crate) fn finish<T>(self, value: T) -> Result<T, TokenStream> {
        match self.errors {
            Some(errors) => Err(errors.into_compile_error()),
            None => Ok(value),
        }
    }
}
