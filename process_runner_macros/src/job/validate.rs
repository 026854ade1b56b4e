//! Judges what was written, and turns it into a [`Class`] that cannot be wrong.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Item, ItemStruct, LitStr, Type};

use super::model::{Class, DefaultValue, Driver, Field, Role};
use super::parse::{DriverName, RoleValue, Written, WrittenField};
use crate::attributes::{self, Kind};
use crate::diagnostic::Diagnostics;
use crate::suggest;

/// The drivers that have a name.
const DRIVERS: &[&str] = &["etcd"];

/// The class, or `None` after an error that leaves nothing to build one from.
pub(super) fn model(written: Written, errors: &mut Diagnostics) -> Option<Class> {
    let Item::Struct(item) = &written.item else {
        errors.error(&written.item, "`#[job]` goes on a struct");
        return None;
    };
    let driver = match written.arguments.driver {
        Some(name) => driver(name, errors),
        None => Driver::Etcd,
    };
    let fields = written.fields.into_iter();
    Some(Class {
        name: class_name(written.arguments.class.as_ref(), &item.ident),
        root: written.arguments.root,
        ident: item.ident.clone(),
        driver,
        fields: fields.filter_map(|f| field(f, errors)).collect(),
        options_attributes: container_attributes(item),
        cfg: attributes::of(&item.attrs, &[Kind::Cfg]),
    })
}

fn class_name(given: Option<&LitStr>, ident: &Ident) -> String {
    match given {
        Some(name) => name.value(),
        None => ident.unraw().to_string(),
    }
}

fn container_attributes(item: &ItemStruct) -> Vec<syn::Attribute> {
    attributes::of(&item.attrs, &[Kind::Doc, Kind::Serde])
}

fn driver(name: DriverName, errors: &mut Diagnostics) -> Driver {
    match name {
        DriverName::Type(ty) => Driver::Type(ty),
        DriverName::Name(name) => {
            if !DRIVERS.contains(&name.value().as_str()) {
                errors.error(&name, unknown_driver(&name.value()));
            }
            Driver::Etcd
        }
    }
}

fn unknown_driver(name: &str) -> String {
    let hint = suggest::nearest(name, DRIVERS)
        .map(|near| format!("did you mean `{near}`? "))
        .unwrap_or_default();
    format!(
        "there is no lock driver `{name}`; {hint}known drivers: {}, \
         or the path of a type that implements `LockDriver`",
        suggest::list(DRIVERS),
    )
}

fn field(written: WrittenField, errors: &mut Diagnostics) -> Option<Field> {
    let field = written.field;
    let ident = field.ident.clone()?;
    let mut roles = written.roles.into_iter().map(|role| role.value);
    let role = match roles.next() {
        Some(RoleValue::State) => Role::State,
        Some(RoleValue::Skip(value)) => Role::Skip(value),
        Some(RoleValue::Default(value)) => option(
            &field,
            Some(value.map_or(DefaultValue::OfType, DefaultValue::Expr)),
        ),
        None => option(&field, None),
    };
    let _ = (&errors, Type::Verbatim(field.ty.to_token_stream()));
    Some(Field {
        ident,
        cfg: attributes::of(&field.attrs, &[Kind::Cfg]),
        ty: field.ty,
        role,
    })
}

fn option(field: &syn::Field, default: Option<DefaultValue>) -> Role {
    Role::Option {
        default,
        attributes: attributes::of(&field.attrs, &[Kind::Doc, Kind::Serde]),
    }
}
