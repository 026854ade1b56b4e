//! Whose an attribute is: ours, serde's and schemars', or the user's.
//!
//! The options struct that `#[job]` generates takes over what serde and schemars were told about
//! a field, and its documentation. On the user's struct those attributes would mean nothing and
//! not even compile, because nothing there derives serde's traits; unless the user does.

use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Path, Token};

/// What an attribute is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `#[job]`, by any path.
    Job,
    /// `#[serde]` or `#[schemars]`, also inside `cfg_attr`.
    Serde,
    /// Documentation: it becomes the description in the JSON Schema.
    Doc,
    /// `#[cfg]`: what is generated for a field exists under the same condition.
    Cfg,
    /// Anything else.
    Other,
}

/// What `attribute` is for.
pub(crate) fn kind(attribute: &Attribute) -> Kind {
    kind_of_path(attribute.path(), || conditional(attribute))
}

fn kind_of_path(path: &Path, conditional: impl FnOnce() -> Kind) -> Kind {
    if is_ours(path, "job") {
        Kind::Job
    } else if path.is_ident("serde") || path.is_ident("schemars") {
        Kind::Serde
    } else if path.is_ident("doc") {
        Kind::Doc
    } else if path.is_ident("cfg") {
        Kind::Cfg
    } else if path.is_ident("cfg_attr") {
        conditional()
    } else {
        Kind::Other
    }
}

/// Whether `path` is the attribute `name`, imported or by its full path.
pub(crate) fn is_ours(path: &Path, name: &str) -> bool {
    path.segments.last().is_some_and(|last| last.ident == name)
}

/// What the attributes inside `cfg_attr(condition, …)` are for.
fn conditional(attribute: &Attribute) -> Kind {
    let inner = nested(attribute);
    let kinds = || {
        inner
            .iter()
            .skip(1)
            .map(|meta| kind_of_path(meta.path(), || Kind::Other))
    };
    [Kind::Job, Kind::Serde]
        .into_iter()
        .find(|kind| kinds().any(|k| k == *kind))
        .unwrap_or(Kind::Other)
}

/// What stands between an attribute's parentheses. Nothing if it is not a list of metas: then it
/// is left to its owner to say what is wrong.
pub(crate) fn nested(attribute: &Attribute) -> Vec<Meta> {
    let parser = Punctuated::<Meta, Token![,]>::parse_terminated;
    attribute
        .parse_args_with(parser)
        .map(|metas| metas.into_iter().collect())
        .unwrap_or_default()
}

/// The attributes of the given kinds, cloned.
pub(crate) fn of(attributes: &[Attribute], kinds: &[Kind]) -> Vec<Attribute> {
    attributes
        .iter()
        .filter(|attribute| kinds.contains(&kind(attribute)))
        .cloned()
        .collect()
}

/// Whether one of `attributes` derives a trait that brings the attributes of serde or schemars.
pub(crate) fn derives_serde(attributes: &[Attribute]) -> bool {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("derive"))
        .flat_map(nested)
        .any(|derived| {
            ["Serialize", "Deserialize", "JsonSchema"]
                .iter()
                .any(|name| is_ours(derived.path(), name))
        })
}
