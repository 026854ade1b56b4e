//! The struct of the options alone: what serde reads and schemars describes.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;

use super::super::model::{Class, Field, Role};
use super::values;

/// The name of the options struct. Underscores keep it apart from the user's names.
pub(super) fn ident(class: &Class) -> Ident {
    format_ident!("__{}Options", class.ident.unraw())
}

/// The options struct.
pub(super) fn definition(class: &Class) -> TokenStream {
    let private = class.root.private();
    let serde = class.root.private_string("serde");
    let schemars = class.root.private_string("schemars");
    let ident = ident(class);
    let name = &class.name;
    let expecting = format!("the options of `{name}`, a map");
    let attributes = &class.options_attributes;
    let fields = fields(class);
    quote! {
        #[derive(#private::serde::Deserialize, #private::schemars::JsonSchema)]
        #[serde(crate = #serde, rename = #name, expecting = #expecting, deny_unknown_fields)]
        #[schemars(crate = #schemars)]
        #(#attributes)*
        pub struct #ident { #fields }
    }
}

fn fields(class: &Class) -> TokenStream {
    let private = class.root.private();
    let fields = class.fields.iter().filter_map(|field| {
        let Role::Option {
            default,
            by_type,
            attributes,
        } = &field.role
        else {
            return None;
        };
        let (cfg, ident) = (&field.cfg, &field.ident);
        let default = default.as_ref().map(|_| {
            let path = format!("{}::{}", class.ident, values::function(field));
            quote!(#[serde(default = #path)])
        });
        let ty = read_type(field, *by_type, &private);
        Some(quote!(#(#cfg)* #(#attributes)* #default #ident: #ty))
    });
    quote!(#(#fields,)*)
}

/// The type that stands for the field in the options struct: its own, if that can be read.
pub(super) fn read_type(field: &Field, by_type: bool, private: &TokenStream) -> TokenStream {
    if by_type {
        let source = values::source(field);
        quote!(#private::Read<#source>)
    } else {
        field.ty.to_token_stream()
    }
}
