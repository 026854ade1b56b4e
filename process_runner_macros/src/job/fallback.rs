//! What stands in for a class that has errors.
//!
//! Code that names the class (`App::job::<Broken>()`, a test that builds one) would fail again for
//! the lack of `JobClass`, and hide the error that counts. So there is an implementation, which
//! nobody can run: the crate does not compile. It is not submitted to the registry.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Item;

use crate::root::Root;

/// An implementation of `JobClass` without content, if `item` could have a real one.
pub(super) fn stand_in(item: &Item, root: &Root) -> TokenStream {
    let Item::Struct(item) = item else {
        return TokenStream::new();
    };
    if !item.generics.params.is_empty() {
        return TokenStream::new();
    }
    let (ident, private) = (&item.ident, root.private());
    quote! {
        #[automatically_derived]
        impl #private::JobClass for #ident {
            const NAME: &'static str = "";
            const LOCK_DRIVER: &'static str = "";
            const PLACE: #private::Place = #private::Place { file: "", line: 0 };
            type Options = ();
            fn requirements() -> ::std::vec::Vec<#private::StateRequirement> {
                ::std::vec::Vec::new()
            }
            fn build(
                _: (),
                _: &#private::States,
            ) -> ::core::result::Result<Self, &'static str> {
                ::core::result::Result::Err("")
            }
            fn lock_driver(
                _: &#private::States,
            ) -> ::core::option::Option<::std::boxed::Box<dyn #private::LockDriver>> {
                ::core::option::Option::None
            }
        }
    }
}
