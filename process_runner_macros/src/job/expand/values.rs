//! Where the values of fields come from: a *source* for each option, each shared value and the
//! driver, and a function for each default.
//!
//! A source is the only place that asks for the traits of a field's type. All else goes through it
//! and asks for nothing, so that a type without them is one error and not ten.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Expr, ExprLit, Lit, Type};

use super::super::model::{Class, DefaultValue, Driver, Field, Role};
use super::options;

/// What stands for the source of `field`: a type for an option, a constant for state.
pub(super) fn source(field: &Field) -> Ident {
    let name = field.ident.unraw();
    match field.role {
        Role::State => format_ident!("__STATE_{name}"),
        _ => format_ident!("__Option_{name}"),
    }
}

/// The sources of all fields that have one, and of the driver.
pub(super) fn sources(class: &Class) -> TokenStream {
    let private = class.root.private();
    let fields = class.fields.iter().map(|field| match field.role {
        Role::Option { by_type: true, .. } => option_source(field, &private),
        Role::State => state_source(field, &private),
        _ => TokenStream::new(),
    });
    let driver = match &class.driver {
        Driver::Etcd => None,
        Driver::Type(ty) => Some(quote! {
            const __LOCK_DRIVER: #private::DriverSource<#ty> = #private::driver_source::<#ty>();
        }),
    };
    quote!(#(#fields)* #driver)
}

fn option_source(field: &Field, private: &TokenStream) -> TokenStream {
    let (cfg, source, ty) = (&field.cfg, source(field), &field.ty);
    quote! {
        #(#cfg)*
        #[allow(non_camel_case_types)]
        type #source = #private::option_source!(#ty);
        #(#cfg)*
        const _: () = #private::option_value::<#ty>();
    }
}

fn state_source(field: &Field, private: &TokenStream) -> TokenStream {
    let (cfg, source, ty) = (&field.cfg, source(field), &field.ty);
    let name = field.ident.unraw().to_string();
    quote! {
        #(#cfg)*
        #[allow(non_upper_case_globals)]
        const #source: #private::StateSource<#ty> = #private::state_source::<#ty>(#name);
    }
}

/// The value of `field` when a worker is built.
pub(super) fn value(field: &Field) -> TokenStream {
    let (name, source) = (&field.ident, source(field));
    match &field.role {
        Role::Option { by_type: true, .. } => quote!(#source::get(options.#name)),
        Role::Option { by_type: false, .. } => quote!(options.#name),
        Role::State => quote!(#source.get(states)?),
        Role::Skip(None) => of_type(&field.ty),
        Role::Skip(Some(_)) => {
            let function = function(field);
            quote!(Self::#function())
        }
    }
}

/// The function that computes the default of `field`, or what it starts with.
pub(super) fn function(field: &Field) -> Ident {
    format_ident!("__{}", field.ident.unraw())
}

/// The functions for all fields with a default or an expression. They belong to the user's struct, so that
/// `Self` means there what it means everywhere on the struct.
pub(super) fn functions(class: &Class) -> TokenStream {
    let private = class.root.private();
    let mut functions = class.fields.iter().filter_map(|field| {
        let (cfg, name, ty) = (&field.cfg, function(field), &field.ty);
        let function = match &field.role {
            Role::Option {
                default: Some(default),
                by_type,
                ..
            } => {
                let source = source(field);
                let value = match default {
                    DefaultValue::OfType => of_type(ty),
                    DefaultValue::Expr(value) => text_or(value),
                };
                let read = options::read_type(field, *by_type, &private);
                let value = if *by_type {
                    quote!(let value: #ty = #value; #source::default(value))
                } else {
                    value
                };
                quote!(fn #name() -> #read { #value })
            }
            Role::Skip(Some(value)) => {
                let value = text_or(value);
                quote!(fn #name() -> #ty { #value })
            }
            _ => return None,
        };
        Some(quote!(#(#cfg)* #function))
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

/// The type's own default. Named through the type, so that a missing `Default` is an error there.
fn of_type(ty: &Type) -> TokenStream {
    quote!(<#ty as ::core::default::Default>::default())
}

/// A text becomes whatever the field can be made of text: `String`, `PathBuf`, `Box<str>`.
fn text_or(expression: &Expr) -> TokenStream {
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
