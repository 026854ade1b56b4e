//! What kind of item can be a job class: a struct with named fields or none, and no parameters.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Fields, GenericParam, Item, ItemStruct};

use crate::attributes::{self, Kind};
use crate::diagnostic::Diagnostics;

/// The struct, or `None` if the item is none.
pub(super) fn of<'a>(item: &'a Item, errors: &mut Diagnostics) -> Option<&'a ItemStruct> {
    let Item::Struct(item) = item else {
        not_a_struct(item, errors);
        return None;
    };
    once(&item.attrs, errors);
    parameters(item, errors);
    if let Fields::Unnamed(fields) = &item.fields {
        errors.error(
            fields,
            "the fields of a job need names: an option is found in the configuration by the name \
             of its field",
        );
    }
    Some(item)
}

fn not_a_struct(item: &Item, errors: &mut Diagnostics) {
    let (tokens, what): (TokenStream, _) = match item {
        Item::Enum(item) => (head(item.enum_token, &item.ident), "an enum"),
        Item::Union(item) => (head(item.union_token, &item.ident), "a union"),
        Item::Fn(item) => (head(item.sig.fn_token, &item.sig.ident), "a function"),
        Item::Trait(item) => (head(item.trait_token, &item.ident), "a trait"),
        Item::Mod(item) => (head(item.mod_token, &item.ident), "a module"),
        Item::Type(item) => (head(item.type_token, &item.ident), "a type alias"),
        Item::Impl(item) => (head(item.impl_token, &item.self_ty), "an `impl`"),
        other => (other.to_token_stream(), "something else"),
    };
    let hint = match item {
        Item::Impl(_) => "; put it on the struct that this is the `impl` of",
        _ => "",
    };
    errors.error(
        tokens,
        format!("`#[job]` goes on a struct, and this is {what}{hint}"),
    );
}

fn head(keyword: impl ToTokens, name: impl ToTokens) -> TokenStream {
    quote!(#keyword #name)
}

/// The attribute that is being expanded is gone from the item, so any other is a second one.
fn once(attributes: &[Attribute], errors: &mut Diagnostics) {
    for attribute in attributes {
        if attributes::kind(attribute) == Kind::Job {
            errors.error(
                attribute,
                "`#[job]` is given twice; one class is one struct",
            );
        }
    }
}

fn parameters(item: &ItemStruct, errors: &mut Diagnostics) {
    for parameter in &item.generics.params {
        let message = match parameter {
            GenericParam::Lifetime(_) => {
                "a job cannot borrow: its worker lives as long as the node holds the slot; own \
                 the value, or share it as `#[job(state)]`"
            }
            GenericParam::Type(_) | GenericParam::Const(_) => {
                "a job cannot be generic: `class:` in the configuration names exactly one type; \
                 write a struct for each, they can share their code"
            }
        };
        errors.error(parameter, message);
    }
    if let Some(clause) = &item.generics.where_clause {
        errors.error(
            clause,
            "a job has no parameters, so there is nothing to bound",
        );
    }
}
