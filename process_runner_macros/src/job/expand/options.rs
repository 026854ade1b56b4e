//! The struct of the options alone: what serde reads and schemars describes.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;

use super::super::model::{Class, DefaultValue, Role};
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
        #(#attributes)*
        #[derive(#private::serde::Deserialize, #private::schemars::JsonSchema)]
        #[serde(crate = #serde, rename = #name, expecting = #expecting, deny_unknown_fields)]
        #[schemars(crate = #schemars)]
        pub struct #ident { #fields }
    }
}

fn fields(class: &Class) -> TokenStream {
    let fields = class.fields.iter().filter_map(|field| {
        let Role::Option {
            default,
            attributes,
        } = &field.role
        else {
            return None;
        };
        let (cfg, ident, ty) = (&field.cfg, &field.ident, &field.ty);
        let default = match default {
            None => None,
            Some(DefaultValue::OfType) => Some(quote!(#[serde(default)])),
            Some(DefaultValue::Expr(_)) => {
                let path = format!("{}::{}", class.ident, values::function(field));
                Some(quote!(#[serde(default = #path)]))
            }
        };
        Some(quote!(#(#cfg)* #(#attributes)* #default #ident: #ty))
    });
    quote!(#(#fields,)*)
}
