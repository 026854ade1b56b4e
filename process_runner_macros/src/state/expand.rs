//! Prints the entry of the registry. Nothing here can fail.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ReturnType;
use syn::spanned::Spanned;

use super::parse::Head;
use crate::attributes::{self, Kind};
use crate::root::Root;

/// The entry for the function with this head.
pub(super) fn entry(root: &Root, head: &Head) -> TokenStream {
    let private = root.private();
    let cfg = attributes::of(&head.attributes, &[Kind::Cfg]);
    let name = &head.sig.ident;
    let returned = match &head.sig.output {
        ReturnType::Type(_, ty) => quote!(#ty),
        ReturnType::Default => quote!(()),
    };
    // At the return type, because that is what lacks a trait when this does not compile.
    let constructor = quote_spanned!(returned.span()=> #private::constructor::<#returned, _, _>);
    quote! {
        #(#cfg)*
        const _: () = {
            #private::inventory::submit! {
                #private::StateEntry::new(|| #constructor(
                    #private::Place {
                        file: ::core::file!(),
                        line: ::core::line!(),
                    },
                    #name,
                ))
            }
        };
    }
}
