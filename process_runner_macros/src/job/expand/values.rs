//! Where the values of fields come from: functions for the user's expressions, and a constant for
//! each value of the App.
//!
//! A constant is the only place that asks for the traits of its type. All else goes through it and
//! asks for nothing, so that a type without them is one error and not four.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Lit};

use super::super::model::{Class, DefaultValue, Driver, Field, Role};

/// The function that computes the value of `field`.
pub(super) fn function(field: &Field) -> Ident {
    format_ident!("__value_of_{}", field.ident.unraw())
}

/// The functions for all fields with an expression. They belong to the user's struct, so that
/// `Self` means there what it means everywhere on the struct.
pub(super) fn functions(class: &Class) -> TokenStream {
    let mut functions = class.fields.iter().filter_map(|field| {
        let expression = match &field.role {
            Role::Option {
                default: Some(DefaultValue::Expr(expression)),
                ..
            }
            | Role::Skip(Some(expression)) => value(expression),
            _ => return None,
        };
        let (cfg, name, ty) = (&field.cfg, function(field), &field.ty);
        Some(quote! {
            #(#cfg)*
            fn #name() -> #ty { #expression }
        })
    });
    let Some(first) = functions.next() else {
        return TokenStream::new();
    };
    let ident = &class.ident;
    quote! {
        impl #ident {
            #first
            #(#functions)*
        }
    }
}

/// A text becomes whatever the field can be made of text: `String`, `PathBuf`, `Box<str>`.
fn value(expression: &Expr) -> TokenStream {
    match expression {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            attrs,
        }) if attrs.is_empty() => {
            quote_spanned!(text.span()=> ::core::convert::Into::into(#text))
        }
        other => quote!(#other),
    }
}

/// The constant that stands for the state of `field`.
pub(super) fn source(field: &Field) -> Ident {
    format_ident!("__STATE_{}", field.ident.unraw())
}

/// The constants for all state, and for the driver.
pub(super) fn sources(class: &Class) -> TokenStream {
    let private = class.root.private();
    let states = class.fields.iter().filter_map(|field| {
        let Role::State = field.role else {
            return None;
        };
        let (cfg, ident, ty) = (&field.cfg, source(field), &field.ty);
        let name = field.ident.unraw().to_string();
        let of = quote_spanned!(ty.span()=> #private::StateSource::<#ty>::of);
        Some(quote! {
            #(#cfg)*
            #[allow(non_upper_case_globals)]
            const #ident: #private::StateSource<#ty> = #of(#name);
        })
    });
    let driver = match &class.driver {
        Driver::Etcd => None,
        Driver::Type(ty) => {
            let of = quote_spanned!(ty.span()=> #private::DriverSource::<#ty>::of);
            Some(quote!(const __LOCK_DRIVER: #private::DriverSource<#ty> = #of();))
        }
    };
    quote!(#(#states)* #driver)
}

/// `JobClass::requirements`.
pub(super) fn requirements(class: &Class) -> TokenStream {
    let private = class.root.private();
    let driver = match class.driver {
        Driver::Etcd => None,
        Driver::Type(_) => Some(quote!(__LOCK_DRIVER.requirement())),
    };
    let states = class.fields.iter().filter_map(|field| {
        let Role::State = field.role else {
            return None;
        };
        let (cfg, source) = (&field.cfg, source(field));
        Some(quote!(#(#cfg)* #source.requirement()))
    });
    let all = states.chain(driver);
    quote! {
        fn requirements() -> ::std::vec::Vec<#private::StateRequirement> {
            ::std::vec::Vec::from([#(#all),*])
        }
    }
}
