//! Reads what was written: the arguments of `#[state]` and the head of the function.
//!
//! The body is not looked at. A half-typed one is for the compiler to judge, and must not make
//! everything that uses the function fail.

use proc_macro2::TokenStream;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Signature, Visibility};

use crate::diagnostic::Diagnostics;
use crate::keys::Keys;
use crate::root::Root;

/// The head of a function.
pub(super) struct Head {
    pub(super) attributes: Vec<Attribute>,
    pub(super) sig: Signature,
}

/// Reads what stands between the parentheses of `#[state(…)]`.
pub(super) fn arguments(tokens: TokenStream, errors: &mut Diagnostics) -> Root {
    let mut root = Root::default();
    Keys::new("`#[state]`", &["crate"]).read(tokens, errors, |key, input| {
        root = Root::parse(key, input)?;
        Ok(())
    });
    root
}

/// Reads the function up to its body.
pub(super) fn head(item: TokenStream) -> syn::Result<Head> {
    let head = |input: ParseStream<'_>| {
        let attributes = input.call(Attribute::parse_outer)?;
        let _: Visibility = input.parse()?;
        let at = input.span();
        let sig = input.parse().map_err(|_| {
            syn::Error::new(
                at,
                "`#[state]` goes on a function: `async fn pool() -> Result<Pool, Error>`",
            )
        })?;
        let _body: TokenStream = input.parse()?;
        Ok(Head { attributes, sig })
    };
    head.parse2(item)
}
