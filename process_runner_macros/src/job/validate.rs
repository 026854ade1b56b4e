//! Judges what was written, and turns it into a [`Class`] that cannot be wrong.
//!
//! Every rule is judged, also after another one was broken: the errors of one struct come in one
//! compilation.

mod driver;
mod field;
mod serde;
mod shape;

use proc_macro2::Ident;
use syn::LitStr;
use syn::ext::IdentExt;

use super::model::{Class, Driver};
use super::parse::Written;
use crate::attributes::{self, Kind};
use crate::diagnostic::Diagnostics;

/// The class, or `None` after an error that leaves nothing to build one from.
pub(super) fn model(written: Written, errors: &mut Diagnostics) -> Option<Class> {
    let item = shape::of(&written.item, errors)?;
    let name = class_name(written.arguments.class.as_ref(), &item.ident, errors);
    let driver = match written.arguments.driver {
        Some(name) => driver::of(name, errors),
        None => Driver::Etcd,
    };
    let options_attributes = serde::of_struct(&item.attrs, errors);
    let fields = written.fields.into_iter();
    Some(Class {
        root: written.arguments.root,
        ident: item.ident.clone(),
        name,
        driver,
        fields: fields.filter_map(|f| field::of(f, errors)).collect(),
        options_attributes,
        cfg: attributes::of(&item.attrs, &[Kind::Cfg]),
    })
}

fn class_name(given: Option<&LitStr>, ident: &Ident, errors: &mut Diagnostics) -> String {
    let Some(given) = given else {
        return ident.unraw().to_string();
    };
    let name = given.value();
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
        errors.error(
            given,
            "a class name is one word: it stands behind `class:` in the configuration",
        );
    }
    name
}
