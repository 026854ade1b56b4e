//! Which of serde's attributes an option may carry, and which contradict what an option is.
//!
//! A list of what is refused, each with its reason; the rest is passed on, and serde or schemars
//! judge it. What stands inside `cfg_attr` is passed on unread.

use quote::quote;
use syn::{Attribute, Meta};

use crate::attributes::{self, Kind};
use crate::diagnostic::Diagnostics;

/// Documentation and the attributes that hold for all options of a struct.
pub(super) fn of_struct(attributes: &[Attribute], errors: &mut Diagnostics) -> Vec<Attribute> {
    let mut kept = Vec::new();
    for attribute in attributes::of(attributes, &[Kind::Doc, Kind::Serde]) {
        if attribute.path().is_ident("serde") {
            kept.extend(serde_of_struct(&attribute, errors));
        } else {
            kept.push(attribute);
        }
    }
    kept
}

fn serde_of_struct(attribute: &Attribute, errors: &mut Diagnostics) -> Option<Attribute> {
    let mut kept: Vec<Meta> = Vec::new();
    for meta in attributes::nested(attribute) {
        match name(&meta).as_str() {
            "rename_all" => kept.push(meta),
            // Options always refuse unknown keys.
            "deny_unknown_fields" => {}
            "default" => errors.error(
                &meta,
                "a default belongs to its option: put `#[job(default)]` on each field that has one",
            ),
            "rename" => errors.error(
                &meta,
                "the name of a class is set by `#[job(class = \"…\")]`",
            ),
            other => {
                let message = format!(
                    "`{other}` cannot be used on a job: its options are a map from the names of \
                     the fields; `rename_all` can change the names"
                );
                errors.error(&meta, message);
            }
        }
    }
    let mut attribute = attribute.clone();
    match &mut attribute.meta {
        Meta::List(list) if !kept.is_empty() => list.tokens = quote!(#(#kept),*),
        _ => return None,
    }
    Some(attribute)
}

/// Documentation and the attributes of one option.
pub(super) fn of_option(
    attributes: &[Attribute],
    has_default: bool,
    errors: &mut Diagnostics,
) -> Vec<Attribute> {
    let kept = attributes::of(attributes, &[Kind::Doc, Kind::Serde]);
    for attribute in &kept {
        if attribute.path().is_ident("serde") {
            for meta in attributes::nested(attribute) {
                if let Some(reason) = refused(&name(&meta), has_default) {
                    errors.error(&meta, reason);
                }
            }
        }
    }
    kept
}

/// Whether an option with these attributes is read or described by other means than its type.
pub(super) fn reads_by_function(attributes: &[Attribute]) -> bool {
    const KEYS: &[&str] = &["with", "deserialize_with", "schema_with"];
    attributes
        .iter()
        .flat_map(attributes::nested)
        .any(|meta| KEYS.contains(&name(&meta).as_str()))
}

fn refused(key: &str, has_default: bool) -> Option<&'static str> {
    match key {
        "flatten" => Some(
            "an option cannot be flattened: unknown keys could not be refused then, nor errors \
             say where they are; give the nested options a key of their own",
        ),
        "skip" | "skip_deserializing" => Some(
            "an option is read from the configuration; for working storage of the worker write \
             `#[job(skip)]`",
        ),
        "default" if has_default => Some("`#[job(default)]` is the default of this option already"),
        _ => None,
    }
}

fn name(meta: &Meta) -> String {
    match meta.path().get_ident() {
        Some(ident) => ident.to_string(),
        None => String::new(),
    }
}
