//! `#[state]`: registers an async function as the constructor of shared state.

use proc_macro2::TokenStream;
use quote::quote;

use crate::diagnostic::Diagnostics;
use crate::keys::Keys;
use crate::root::Root;

/// The attribute, as a function of tokens.
pub(crate) fn attribute(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Diagnostics::default();
    let mut root = Root::default();
    Keys::new("`#[state]`", &["crate"]).read(arguments, &mut errors, |key, input| {
        root = Root::parse(key, input)?;
        Ok(())
    });
    let function: syn::ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let error = error.into_compile_error();
            return quote!(#item #error);
        }
    };
    let private = root.private();
    let name = &function.sig.ident;
    let registration = quote! {
        const _: () = {
            #private::inventory::submit! {
                #private::StateEntry::new(|| #private::StateConstructor::new(
                    #private::Place { file: ::core::file!(), line: ::core::line!() },
                    #name,
                ))
            }
        };
    };
    match errors.finish(()) {
        Ok(()) => quote!(#function #registration),
        Err(errors) => quote!(#function #errors),
    }
}
