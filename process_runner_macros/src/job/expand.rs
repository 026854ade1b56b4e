//! Prints a [`Class`] as Rust. Nothing here can fail.
//!
//! Expanded code names only the user's own types and `__private` of the runtime library, by full
//! paths, and everything of it is inside one `const _`, so that nothing is visible outside.

mod options;
mod values;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use super::model::{Class, Driver};

/// Everything that stands behind the user's struct.
pub(super) fn class(class: &Class) -> TokenStream {
    let Class { ident, cfg, .. } = class;
    let private = class.root.private();
    let sources = values::sources(class);
    let options = options::definition(class);
    let functions = values::functions(class);
    let implementation = implementation(class);
    quote! {
        #(#cfg)*
        const _: () = {
            #sources
            #options
            #functions
            #implementation
            #private::inventory::submit! {
                #private::ClassEntry::of::<#ident>()
            }
        };
    }
}

fn implementation(class: &Class) -> TokenStream {
    let Class { ident, name, .. } = class;
    let private = class.root.private();
    let options = options::ident(class);
    let driver = driver_name(&class.driver);
    let requirements = values::requirements(class);
    let build = build(class);
    let lock_driver = lock_driver(class);
    quote! {
        #[automatically_derived]
        impl #private::JobClass for #ident {
            const NAME: &'static str = #name;
            const LOCK_DRIVER: &'static str = #driver;
            const PLACE: #private::Place = #private::Place {
                file: ::core::file!(),
                line: ::core::line!(),
            };
            type Options = #options;
            #requirements
            #build
            #lock_driver
        }
    }
}

/// The driver as it was written.
fn driver_name(driver: &Driver) -> String {
    match driver {
        Driver::Etcd => "etcd".to_owned(),
        Driver::Type(ty) => ty.to_token_stream().to_string().replace(' ', ""),
    }
}

fn build(class: &Class) -> TokenStream {
    let private = class.root.private();
    let options = options::ident(class);
    let check = match class.driver {
        Driver::Etcd => None,
        Driver::Type(_) => Some(quote!(__LOCK_DRIVER.check(states)?;)),
    };
    let fields = class.fields.iter().map(|field| {
        let (cfg, name, value) = (&field.cfg, &field.ident, values::value(field));
        quote!(#(#cfg)* #name: #value)
    });
    quote! {
        #[allow(deprecated, unused_variables)]
        fn build(
            options: #options,
            states: &#private::States,
        ) -> ::core::result::Result<Self, &'static str> {
            #check
            ::core::result::Result::Ok(Self { #(#fields,)* })
        }
    }
}

fn lock_driver(class: &Class) -> TokenStream {
    let private = class.root.private();
    let (states, value) = match class.driver {
        Driver::Etcd => (quote!(_), quote!(::core::option::Option::None)),
        Driver::Type(_) => (quote!(states), quote!(__LOCK_DRIVER.driver(states))),
    };
    quote! {
        fn lock_driver(
            #states: &#private::States,
        ) -> ::core::option::Option<::std::boxed::Box<dyn #private::LockDriver>> {
            #value
        }
    }
}
