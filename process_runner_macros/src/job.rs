//! `#[job]`: makes a struct a job class.
//!
//! # What it writes
//!
//! The user's struct, without our attributes on its fields, and behind it one `const _` with
//! everything else: a struct of the options alone, which serde reads and schemars describes, the
//! implementation of `JobClass`, and the entry of the registry. The golden files under
//! `tests/expand` show it.
//!
//! # How it fails
//!
//! With every error at once, the user's struct as it is, and a stand-in for `JobClass`, so that
//! code which names the class has no further errors. A class with errors is never registered.

mod clean;
mod expand;
mod fallback;
mod model;
mod parse;
mod validate;

use proc_macro2::TokenStream;
use quote::quote;

use crate::diagnostic::Diagnostics;

/// The attribute, as a function of tokens.
pub(crate) fn attribute(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Diagnostics::default();
    let written = match parse::written(arguments, item.clone(), &mut errors) {
        Ok(written) => written,
        Err(error) => {
            let error = error.into_compile_error();
            return quote!(#item #error);
        }
    };
    let item = clean::item(written.item.clone());
    let root = written.arguments.root.clone();
    let model = validate::model(written, &mut errors);
    match errors.finish(model) {
        Ok(model) => {
            let class = model.as_ref().map(expand::class);
            quote!(#item #class)
        }
        Err(errors) => {
            let stand_in = fallback::stand_in(&item, &root);
            quote!(#item #stand_in #errors)
        }
    }
}
