//! Where expanded code finds the runtime library: `::process_runner`, unless `crate` says that the
//! user's `Cargo.toml` gives it another name.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::parse::ParseStream;
use syn::{LitStr, Path};

use crate::keys;

/// The path of the crate `process_runner` as seen from the user's code.
#[derive(Clone)]
pub(crate) struct Root(Path);

impl Default for Root {
    fn default() -> Self {
        Self(syn::parse_quote!(::process_runner))
    }
}

impl Root {
    /// Reads the value of the key `crate`: `"name"`, or a path.
    pub(crate) fn parse(key: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        const USAGE: &str = "`crate` takes the name of the crate `process_runner` in your \
                             `Cargo.toml`, like `crate = \"runner\"`";
        keys::equals(key, input, USAGE)?;
        let at = input.span();
        let path = if input.peek(LitStr) {
            input.parse::<LitStr>()?.parse_with(Path::parse_mod_style)
        } else {
            input.call(Path::parse_mod_style)
        };
        path.map(Self).map_err(|_| syn::Error::new(at, USAGE))
    }

    /// The module with what expanded code may name.
    pub(crate) fn private(&self) -> TokenStream {
        let path = &self.0;
        quote!(#path::__private)
    }

    /// `private()::name`, as a string for the `crate` keys of serde and schemars.
    pub(crate) fn private_string(&self, name: &str) -> String {
        let path = self.0.to_token_stream().to_string().replace(' ', "");
        format!("{path}::__private::{name}")
    }
}
