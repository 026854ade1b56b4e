//! Reads the inside of our attributes: `key`, `key = value`, separated by commas.
//!
//! Unlike `syn`'s own reader this one goes on after an error, at the next comma, so that three
//! wrong keys are three errors of one compilation. A key that is unknown is answered with the
//! nearest one, and a key that is repeated is refused.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Expr, ExprLit, Lit, LitStr, Token};

use crate::diagnostic::Diagnostics;
use crate::suggest;

/// The keys one attribute knows, and which of them have been read.
pub(crate) struct Keys {
    /// What the attribute is called in a message: `` `#[job]` on a field ``.
    owner: &'static str,
    known: &'static [&'static str],
    seen: Vec<Ident>,
}

impl Keys {
    pub(crate) fn new(owner: &'static str, known: &'static [&'static str]) -> Self {
        Self {
            owner,
            known,
            seen: Vec::new(),
        }
    }

    /// Reads `tokens` and hands every known key, at its first occurrence, to `value`, which reads
    /// what follows the key.
    pub(crate) fn read(
        &mut self,
        tokens: TokenStream,
        errors: &mut Diagnostics,
        mut value: impl FnMut(&Ident, ParseStream<'_>) -> syn::Result<()>,
    ) {
        let reader = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = self.entry(input, &mut value) {
                    errors.push(error);
                    skip_to_comma(input)?;
                }
                input.parse::<Option<Token![,]>>()?;
            }
            Ok(())
        };
        if let Err(error) = reader.parse2(tokens) {
            errors.push(error);
        }
    }

    fn entry(
        &mut self,
        input: ParseStream<'_>,
        value: &mut impl FnMut(&Ident, ParseStream<'_>) -> syn::Result<()>,
    ) -> syn::Result<()> {
        if !input.peek(Ident::peek_any) {
            let message = format!("expected a key: {}", suggest::list(self.known));
            return Err(input.error(message));
        }
        let key = input.call(Ident::parse_any)?;
        self.check(&key)?;
        value(&key, input)?;
        if input.is_empty() || input.peek(Token![,]) {
            Ok(())
        } else {
            Err(input.error(format!("expected `,` after `{key}`")))
        }
    }

    fn check(&mut self, key: &Ident) -> syn::Result<()> {
        let name = key.to_string();
        if !self.known.contains(&name.as_str()) {
            return Err(syn::Error::new(key.span(), self.unknown(&name)));
        }
        if self.seen.contains(key) {
            return Err(syn::Error::new(
                key.span(),
                format!("`{key}` is given twice"),
            ));
        }
        self.seen.push(key.clone());
        Ok(())
    }

    fn unknown(&self, name: &str) -> String {
        let owner = self.owner;
        match suggest::nearest(name, self.known) {
            Some(near) => format!("{owner} has no key `{name}`; did you mean `{near}`?"),
            None => {
                let known = suggest::list(self.known);
                format!("{owner} has no key `{name}`; it knows {known}")
            }
        }
    }
}

/// Reads the `=` after `key`; without it the error at the key says how the key is used.
pub(crate) fn equals(key: &Ident, input: ParseStream<'_>, usage: &str) -> syn::Result<()> {
    if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        if !input.is_empty() && !input.peek(Token![,]) {
            return Ok(());
        }
    }
    Err(syn::Error::new(key.span(), usage))
}

/// Reads `= "text"`; anything else is an error that says how the key is used.
pub(crate) fn string(key: &Ident, input: ParseStream<'_>, usage: &str) -> syn::Result<LitStr> {
    equals(key, input, usage)?;
    match input.parse()? {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Ok(text),
        other => Err(syn::Error::new_spanned(other, usage)),
    }
}

/// Reads `= expression`, if there is one.
pub(crate) fn optional_value<T: Parse>(
    key: &Ident,
    input: ParseStream<'_>,
    usage: &str,
) -> syn::Result<Option<T>> {
    if !input.peek(Token![=]) {
        return Ok(None);
    }
    equals(key, input, usage)?;
    input.parse().map(Some)
}

fn skip_to_comma(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}
